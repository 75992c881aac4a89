/**
 * Options in, a frozen broker out. No I/O, and no look at the environment.
 *
 * @module
 */
import { type BrokerState, keepState } from "./broker.ts";
import { assertKnown, assertText, assertWithin, refuse } from "./check.ts";
import { kombu } from "./codec/kombu.ts";
import { ConfigError } from "./errors.ts";
import { environment } from "./http/endpoint.ts";
import { MAX_VISIBILITY, MAX_WAIT } from "./sqs/limits.ts";
import type { Broker, Clock, ConnectOptions, CredentialProvider, Credentials, DashiEvent } from "./types.ts";

/** The defaults of {@linkcode connect}: code, docs and tests read them here. */
export const CONNECT_DEFAULTS = {
  /** Seconds of a long poll. */
  waitTimeSeconds: 20,
  /** Seconds after an empty answer. */
  pollingInterval: 0,
  /** Seconds to an answer's headers. */
  requestTimeout: 10,
  /** Tries of one request. */
  maxAttempts: 3,
} as const;

const OPTIONS =
  "region credentials endpoint queueNamePrefix predefinedQueues createMissing waitTimeSeconds pollingInterval visibilityTimeout requeueDelay queueAttributes queueTags fetchAttributes codec payloads fanout topology unroutableQueue http checkMd5 clock random onEvent"
    .split(" ");

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
  const { http = {}, onEvent } = options;
  const given = http.fetch;
  const state: BrokerState = {
    options: Object.freeze({
      ...options,
      credentials: undefined,
      codec: options.codec ?? kombu(),
      waitTimeSeconds: options.waitTimeSeconds ?? CONNECT_DEFAULTS.waitTimeSeconds,
      pollingInterval: options.pollingInterval ?? CONNECT_DEFAULTS.pollingInterval,
    }),
    endpoint: options.endpoint,
    credentials: options.credentials ?? environmentCredentials(),
    // The global is looked up at each call: tests and tracers replace it.
    fetch: (request, init) => given ? given(request, init) : globalThis.fetch(request, init),
    clock: options.clock ?? runtimeClock,
    random: options.random ?? Math.random,
    requestTimeout: http.requestTimeout ?? CONNECT_DEFAULTS.requestTimeout,
    maxAttempts: http.maxAttempts ?? CONNECT_DEFAULTS.maxAttempts,
    allowInsecure: http.allowInsecure ?? false,
    emit: onEvent ? quietly(onEvent) : () => {},
    requests: 0,
    clockOffset: 0,
    queues: new Map(),
    settled: new Map(),
    pending: new Map(),
    topology: options.topology ?? { exchanges: {}, bindings: [] },
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

function quietly(onEvent: (event: DashiEvent) => unknown): (event: DashiEvent) => void {
  return (event) => {
    try {
      // A listener that is asynchronous may fail later; that is no reason for us to.
      const result = onEvent(event);
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // What a listener throws is not ours to handle.
    }
  };
}

/** Reads the AWS_* variables when the first request needs keys, and keeps what it found. */
function environmentCredentials(): CredentialProvider {
  let keys: Credentials | undefined;
  // deno-lint-ignore require-await -- a provider gives a promise, and its throw must be a rejection
  return async () => {
    const accessKeyId = environment("AWS_ACCESS_KEY_ID");
    const secretAccessKey = environment("AWS_SECRET_ACCESS_KEY");
    const sessionToken = environment("AWS_SESSION_TOKEN");
    if (!accessKeyId || !secretAccessKey) {
      throw new ConfigError(
        "Cannot sign as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: pass connect({ credentials }), " +
          "for example defaultChain() of @dashi/sqs/credentials",
      );
    }
    if (
      keys?.accessKeyId !== accessKeyId || keys.secretAccessKey !== secretAccessKey ||
      keys.sessionToken !== sessionToken
    ) {
      keys = { accessKeyId, secretAccessKey, sessionToken };
    }
    return keys;
  };
}

/** The runtime's own time. */
const runtimeClock: Clock = {
  now: () => Date.now(),
  sleep: (seconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        clearTimeout(timer);
        reject(signal!.reason);
      };
      // Timers hold 31 bits of milliseconds; the waits here look again when theirs is over.
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, Math.min(seconds * 1000, 2 ** 31 - 1));
      signal?.addEventListener("abort", abort, { once: true });
    }),
};

function check(options: ConnectOptions): void {
  if (typeof options !== "object" || options === null) refuse("options", "an object", options);
  assertKnown("", options, OPTIONS);
  const { credentials, endpoint, predefinedQueues, http = {}, clock, fanout, payloads, codec } = options;
  if (options.region !== undefined) assertText("region", options.region);
  if (options.unroutableQueue !== undefined) assertText("unroutableQueue", options.unroutableQueue);
  if (credentials !== undefined) checkCredentials("credentials", credentials);
  for (const [path, url] of typeof endpoint === "object" ? Object.entries(endpoint) : [["", endpoint]]) {
    if (url !== undefined) checkUrl(path ? `endpoint.${path}` : "endpoint", url);
  }
  for (const [name, queue] of Object.entries(predefinedQueues ?? {})) {
    const path = `predefinedQueues.${name}`;
    checkUrl(`${path}.url`, queue?.url);
    if (queue.credentials !== undefined) checkCredentials(`${path}.credentials`, queue.credentials);
    checkPolicy(`${path}.backoffPolicy`, queue.backoffPolicy);
  }
  const numbers: [string, unknown, number, number, boolean?][] = [
    ["waitTimeSeconds", options.waitTimeSeconds, 0, MAX_WAIT],
    ["pollingInterval", options.pollingInterval, 0, Infinity, true],
    ["visibilityTimeout", options.visibilityTimeout, 0, MAX_VISIBILITY],
    ["requeueDelay", options.requeueDelay, 0, MAX_VISIBILITY],
    ["http.requestTimeout", http.requestTimeout, 0.001, Infinity, true],
    ["http.maxAttempts", http.maxAttempts, 1, Infinity],
  ];
  for (const [path, value, ...range] of numbers) if (value !== undefined) assertWithin(path, value, ...range);
  const functions = {
    "http.fetch": http.fetch,
    random: options.random,
    onEvent: options.onEvent,
    "clock.now": clock ? clock.now ?? null : undefined,
    "clock.sleep": clock ? clock.sleep ?? null : undefined,
    "codec.encode": codec ? codec.encode ?? null : undefined,
    "codec.decode": codec ? codec.decode ?? null : undefined,
    "payloads.resolve": payloads ? payloads.resolve ?? null : undefined,
    "fanout.publish": fanout ? fanout.publish ?? null : undefined,
  };
  for (const [path, value] of Object.entries(functions)) {
    if (value !== undefined && typeof value !== "function") refuse(path, "a function", value);
  }
}

/** Checks seconds by receive count. */
function checkPolicy(path: string, policy: Readonly<Record<number, number>> | undefined): void {
  for (const [count, seconds] of Object.entries(policy ?? {})) {
    assertWithin(`${path}.${count}`, seconds, 0, MAX_VISIBILITY);
  }
}

function checkUrl(path: string, url: unknown): void {
  if (typeof url !== "string" || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    refuse(path, "an http or https URL", typeof url === "string" ? url.replace(/\/\/[^/@]*@/, "//…@") : url);
  }
}

/** Never shows what came, as it may be half of a secret. */
function checkCredentials(path: string, credentials: Credentials | CredentialProvider): void {
  if (typeof credentials === "function") return;
  for (const key of ["accessKeyId", "secretAccessKey"] as const) {
    if (typeof credentials?.[key] !== "string" || credentials[key] === "") {
      refuse(
        `${path}.${key}`,
        "a string that is not empty, or 'credentials' a function like defaultChain()",
        undefined,
      );
    }
  }
}
