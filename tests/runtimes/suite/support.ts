/**
 * What the checks of the suite share: their types, and assertions that every runtime has.
 *
 * @module
 */
import type { Broker, ConnectOptions } from "../../../mod.ts";

/** The library, an entry point a field, as it was bundled or imported. */
export interface Library {
  readonly sqs: typeof import("../../../mod.ts");
  readonly requests: typeof import("../../../lib/sqs/mod.ts");
  readonly sns: typeof import("../../../lib/sns/mod.ts");
  readonly sts: typeof import("../../../lib/sts/mod.ts");
  readonly s3: typeof import("../../../lib/s3/mod.ts");
  readonly credentials: typeof import("../../../lib/credentials/mod.ts");
  readonly fanout: typeof import("../../../lib/fanout/mod.ts");
  readonly payloads: typeof import("../../../lib/payloads/mod.ts");
  readonly config: typeof import("../../../lib/config/mod.ts");
  readonly testing: typeof import("../../../lib/testing/mod.ts");
  readonly celery: typeof import("../../../lib/celery/mod.ts");
}

/** What a runner passes in. */
export interface SuiteOptions {
  readonly library: Library;
  /** A server of SQS, SNS and S3. */
  readonly endpoint: string;
  /** The runtime's name. */
  readonly runtime: string;
  /** Runs only the checks whose sentence has this in it. */
  readonly filter?: string;
  /** What the runtime shows of a value, where it has such a function. */
  readonly inspect?: (value: unknown) => string;
}

/** What a check is given. */
export interface SuiteContext extends SuiteOptions {
  /** A name that no other check has. */
  unique(name: string): string;
  readonly connectOptions: ConnectOptions;
}

/** What became of a check. */
export interface SuiteResult {
  readonly name: string;
  readonly status: "ok" | "failed" | "skipped";
  readonly seconds: number;
  readonly reason?: string;
}

export type Suite = Readonly<Record<string, (context: SuiteContext) => Promise<void> | void>>;

/** Thrown by a check that the runtime can't run. */
export class Skip extends Error {}

/** A broker at the server, and a queue of its own. */
export async function setUp(
  context: SuiteContext,
  options: ConnectOptions = {},
  attributes: Record<string, string | number> = {},
): Promise<{ broker: Broker; queue: string }> {
  const { connect, declareQueue } = context.library.sqs;
  const broker = connect({ ...context.connectOptions, ...options });
  const queue = context.unique("queue");
  await declareQueue(broker, queue, { attributes });
  return { broker, queue };
}

/** Skips a check where the runtime lacks a global. */
export function needs(name: string): void {
  if (!(globalThis as Record<string, unknown>)[name]) throw new Skip(`there is no ${name}`);
}

/** All that an iteration gives. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of source) values.push(value);
  return values;
}

/** Fails with a sentence unless the value is true. */
export function ok(value: unknown, message = "it is not so"): asserts value {
  if (!value) throw new Error(message);
}

/** Fails unless two values are alike as JSON, bytes and `undefined` included. */
export function equal(actual: unknown, expected: unknown): void {
  const show = (value: unknown): string | undefined =>
    JSON.stringify(
      value,
      (_key, part) =>
        part instanceof Uint8Array
          ? { bytes: [...part] }
          : part === undefined
          ? "(undefined)"
          : typeof part === "bigint"
          ? `${part}n`
          : part,
    );
  if (show(actual) !== show(expected)) throw new Error(`it is ${show(actual)}, not ${show(expected)}`);
}

/** Fails unless the work rejects with an error of that name, whose message matches; gives the error. */
export async function rejects(work: () => unknown, name: string, message = /./): Promise<Error & { code?: string }> {
  let error: unknown;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  ok(error, `no ${name} came`);
  const { name: actual, message: said } = error as Error;
  ok(actual === name && message.test(said), `it is '${actual}: ${said}', not a ${name} of ${message}`);
  return error as Error;
}

/** Takes globals away while something runs, as in a runtime that has none of them. */
export async function without<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
  const kept = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);
  try {
    for (const [name] of kept) {
      Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true });
    }
  } catch (cause) {
    throw new Skip(`the runtime keeps its globals: ${cause}`);
  }
  try {
    return await work();
  } finally {
    for (const [name, descriptor] of kept) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete (globalThis as Record<string, unknown>)[name];
    }
  }
}
