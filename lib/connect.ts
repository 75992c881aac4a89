/**
 * Options in, a frozen broker out. No I/O, and no look at the environment.
 *
 * @module
 */
import { type BrokerState, keepState, runtimeClock } from "./broker.ts";
import {
  assertCredentials,
  assertOptions,
  assertText,
  byCount,
  type Check,
  each,
  has,
  is,
  listOf,
  oneOf,
  within,
} from "./check.ts";
import { kombu } from "./codec/kombu.ts";
import { env } from "./credentials/env.ts";
import * as DEFAULTS from "./defaults.ts";
import { assertEndpoint, assertPlainUrl, assertRegion } from "./http/endpoint.ts";
import { MAX_VISIBILITY, MAX_WAIT } from "./sqs/limits.ts";
import type { Broker, ConnectOptions, DashiEvent, HttpOptions, PredefinedQueue } from "./types.ts";

/**
 * Makes a broker: the first argument of everything that talks to AWS. It does no I/O; the first request does.
 *
 * A broker may live in a Worker's global scope. It holds no connection, timer or promise, and shows no secret to
 * `console.log` or `JSON.stringify`.
 *
 * @param options See {@linkcode ConnectOptions}; every one has a default.
 * @returns The frozen broker.
 * @throws {ConfigError} If an option is wrong: it names the option's path, what it must be, and what came.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 *
 * const broker = connect({ region: "eu-west-1" });
 * ```
 *
 * @example At an emulator
 * ```ts
 * import { connect } from "@dashi/sqs";
 *
 * const broker = connect({
 *   endpoint: "http://127.0.0.1:4566",
 *   credentials: { accessKeyId: "test", secretAccessKey: "test" },
 * });
 * ```
 */
export function connect(options: ConnectOptions = {}): Broker {
  check(options);
  const { http: { fetch: given, requestTimeout, maxAttempts, allowInsecure = false } = {}, onEvent, fanout, topology } =
    options;
  const state: BrokerState = {
    options: Object.freeze({
      ...options,
      credentials: undefined,
      codec: options.codec ?? kombu(),
      waitTimeSeconds: options.waitTimeSeconds ?? DEFAULTS.waitTimeSeconds,
      pollingInterval: options.pollingInterval ?? DEFAULTS.pollingInterval,
    }),
    endpoint: options.endpoint,
    credentials: options.credentials ?? env(),
    // The global is looked up at each call: tests and tracers replace it.
    fetch: (request, init) => (given ?? globalThis.fetch)(request, init),
    clock: options.clock ?? runtimeClock,
    random: options.random ?? Math.random,
    requestTimeout: requestTimeout ?? DEFAULTS.requestTimeout,
    maxAttempts: maxAttempts ?? DEFAULTS.maxAttempts,
    allowInsecure,
    emit: (event) => quietly(event, onEvent),
    requests: 0,
    clockOffset: 0,
    queues: new Map(),
    attributes: new Map(),
    settled: new Map(),
    pending: new Map(),
    topology: {
      bindings: topology?.bindings ?? [],
      exchanges: { ...fanout?.exchanges, ...topology?.exchanges },
    },
  };
  const broker = Object.freeze({
    queueNamePrefix: options.queueNamePrefix ?? "",
    get requests(): number {
      return state.requests;
    },
  });
  keepState(broker, state);
  return broker;
}

function quietly(event: DashiEvent, onEvent?: (event: DashiEvent) => unknown): void {
  try {
    // A listener that is asynchronous may fail later; that is no reason for us to.
    const result = onEvent?.(event) as PromiseLike<unknown> | undefined;
    result?.then?.(undefined, () => {});
  } catch {
    // What a listener throws is not ours to handle.
  }
}

function check(options: ConnectOptions): void {
  const seconds = within(0, MAX_VISIBILITY);
  const codec = has("encode", "decode");
  const [text, yesOrNo, record, fn] = [is("string"), is("boolean"), is("object"), is("function")];
  const fields =
    <Options extends object>(checks: Readonly<Record<keyof Options, Check>>, required?: keyof Options): Check =>
    (path, value) => assertOptions(path, value as Options, checks, required);
  const names: Check = (path, value) => value === "All" || listOf(assertText)(path, value);
  fields<ConnectOptions>({
    region: assertRegion,
    credentials: assertCredentials,
    endpoint: assertEndpoint,
    queueNamePrefix: text,
    predefinedQueues: each(fields<PredefinedQueue>({
      url: assertPlainUrl,
      region: assertRegion,
      credentials: assertCredentials,
      codec,
      backoffPolicy: byCount(seconds),
      backoffTasks: listOf(text),
    }, "url")),
    createMissing: yesOrNo,
    waitTimeSeconds: within(0, MAX_WAIT),
    pollingInterval: within(0, Infinity, true),
    visibilityTimeout: seconds,
    requeueDelay: seconds,
    queueAttributes: record,
    queueTags: each(text),
    fetchAttributes: (path, value) =>
      (typeof value === "object" && !Array.isArray(value) ? fields({ system: names, message: names }) : names)(
        path,
        value,
      ),
    codec,
    payloads: has("resolve"),
    fanout: has("publish"),
    topology: fields({
      exchanges: each(fields({ type: oneOf("direct", "topic", "fanout"), unroutableQueue: assertText }, "type")),
      bindings: listOf(fields({ exchange: text, queue: assertText, routingKey: text }, "queue")),
    }),
    unroutableQueue: assertText,
    http: fields<HttpOptions>({
      fetch: fn,
      requestTimeout: within(0.001, Infinity, true),
      maxAttempts: within(1, Infinity),
      allowInsecure: yesOrNo,
    }),
    checkMd5: yesOrNo,
    clock: has("now", "sleep"),
    random: fn,
    onEvent: fn,
  })("", options);
}
