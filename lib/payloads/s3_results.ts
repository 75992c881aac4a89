import { nowOf, pause, stateOf } from "../broker.ts";
import { brokerOf } from "../celery_call.ts";
import { assertKnown, assertOptions, assertText, defined, has, is, within } from "../check.ts";
import { utf8Bytes, utf8Text } from "../codec/base64.ts";
import { decompress } from "../codec/compression.ts";
import { parsePythonJson, stringifyPythonJson } from "../codec/python_json.ts";
import { connect } from "../connect.ts";
import {
  type AwsError,
  ConfigError,
  DecodeError,
  PayloadNotFoundError,
  TaskFailedError,
  TimeoutError,
} from "../errors.ts";
import { deleteObject } from "../s3/delete_object.ts";
import { objectPath } from "../s3/object_path.ts";
import type { Broker, Call, PayloadContext, PayloadLocation, ResultOptions, ResultStore, TaskMeta } from "../types.ts";
import { type BucketPlace, bucketRequest } from "./bucket_request.ts";
import { downloadAll } from "./download.ts";
import { settingsOf } from "./settings.ts";
import { put } from "./upload.ts";

/** Options of {@linkcode s3Results}. */
export interface S3ResultsOptions extends BucketPlace {
  /** Celery's `s3_bucket`. */
  readonly bucket: string;
  /** Celery's `s3_base_path`: begins every key, with its own `/` if it wants one. Default: the empty string. */
  readonly basePath?: string | undefined;
  /** Celery's `global_keyprefix` of `result_backend_transport_options`. Default: the empty string. */
  readonly globalKeyPrefix?: string | undefined;
  /** The most bytes of a result, 1 or more. Default: 64 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Seconds between looks at S3: Celery's interval at first, then half as long again each time, up to five seconds. */
const FIRST_WAIT = 0.5;
const LONGEST_WAIT = 5;

/** What Celery begins a compressed result with. */
const COMPRESSED = "\0celery-compressed\0";

/** The options of `get()`. */
const GET = /* @__PURE__ */ (() => ({
  timeout: within(0, Infinity, true),
  broker: is("object"),
  signal: has("throwIfAborted"),
}))();

const FINAL = /^(?:SUCCESS|FAILURE|REVOKED)$/;

/**
 * Celery's own S3 result backend, both ways: reads what Celery's workers stored, and stores what Celery's clients read.
 *
 * The keys need `s3:GetObject` and `s3:ListBucket`, without which S3 doesn't say that a result is not there yet; to
 * store, `s3:PutObject`, and to forget, `s3:DeleteObject`. Celery never removes results: give the bucket a lifecycle
 * rule. Results are read and stored as JSON, Celery's default `result_serializer`.
 *
 * @param options See {@linkcode S3ResultsOptions}: only `bucket` has no default.
 * @returns The store.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/configuration.html#s3-backend-settings}
 *
 * @example Usage
 * ```ts
 * import { s3Results } from "@dashi/sqs/payloads";
 *
 * const results = s3Results({ bucket: "results", basePath: "celery/", region: "eu-west-1" });
 * const read = (id: string) => results.get<number>(id, { timeout: 30 });
 * ```
 */
export function s3Results(options: S3ResultsOptions): ResultStore {
  is("object")("options", options);
  assertKnown("", options, "bucket basePath globalKeyPrefix maxBytes region credentials endpoint".split(" "));
  const { basePath = "", globalKeyPrefix = "", ...others } = options;
  for (const [name, value] of Object.entries({ basePath, globalKeyPrefix })) is("string")(name, value);
  const settings = settingsOf(others);
  const { bucket, maxBytes, region, credentials, endpoint } = settings;
  const prefix = basePath + globalKeyPrefix + (/[^:_.-]$/.test(globalKeyPrefix) ? "_" : "") + "celery-task-meta-";
  objectPath(prefix);
  let own: Broker | undefined;

  /** An id alone has no broker: it is asked about with the store's own options, and the environment's. */
  const contextOf = (call: Call | string, { broker, signal }: ResultOptions): PayloadContext => {
    const used = broker ?? (typeof call === "object" && call ? brokerOf(call) : undefined) ??
      (own ??= connect({ region, credentials, endpoint }));
    return { broker: used, signal, emit: stateOf(used).emit };
  };

  const locate = (call: Call | string): PayloadLocation => {
    const id = idOf(call);
    assertText("id", id);
    return { bucket, key: prefix + id };
  };

  async function meta(call: Call | string, given: ResultOptions = {}): Promise<TaskMeta | undefined> {
    let bytes;
    try {
      bytes = await downloadAll(settings, locate(call), contextOf(call, given));
    } catch (error) {
      if (error instanceof PayloadNotFoundError) return undefined; // not there yet
      throw error;
    }
    return await readMeta(idOf(call), bytes, maxBytes);
  }

  /**
   * Throws if a task before this one in its chain has failed. As in Celery: one that was revoked, or that is followed by a
   * group, tells nobody who waits for the rest of the chain.
   */
  async function assertChainGoesOn(call: Call | string, given: ResultOptions): Promise<void> {
    for (let { parent } = call as Call; parent; { parent } = parent) {
      const known = await meta(parent, given).catch(() => undefined);
      if (known && FINAL.test(known.status)) resultOf(parent.id, known);
      if (known) return;
    }
  }

  return Object.freeze<ResultStore>({
    meta,
    async get<T>(call: Call<T> | string, given: ResultOptions & { readonly timeout?: number } = {}): Promise<T> {
      assertOptions("", given, GET);
      const { timeout = Infinity, signal } = given;
      const { broker } = contextOf(call, given);
      const state = stateOf(broker);
      let end = nowOf(state) + timeout * 1000;
      for (let wait = FIRST_WAIT;; wait = Math.min(wait * 1.5, LONGEST_WAIT)) {
        let trouble: unknown;
        const found = await meta(call, given).catch((error) => {
          // Whoever waits for minutes is not to be thrown out by an outage of seconds.
          if (!(error as Partial<AwsError>).retryable) throw error;
          trouble = error;
        });
        if (found && FINAL.test(found.status)) return resultOf(idOf(call), found) as T;
        if (!found) await assertChainGoesOn(call, { broker, signal });
        // A clock that was set back adds nothing to it.
        const now = nowOf(state);
        end = Math.min(end, now + timeout * 1000);
        const left = (end - now) / 1000;
        if (left <= 0) {
          throw new TimeoutError(
            `Task ${idOf(call)} has no result after ${timeout} s: its state is ${found?.status ?? "unknown"}`,
            { cause: trouble },
          );
        }
        await pause(state.clock, Math.min(wait, left), signal);
        signal?.throwIfAborted();
      }
    },
    async store(call, task, given = {}) {
      const context = contextOf(call, given);
      assertText("meta.status", task?.status);
      // A worker that was thought lost must not overwrite what another one achieved.
      const before = await meta(call, given).catch((error) => {
        if (!(error instanceof DecodeError)) throw error; // what nobody here can read is no reason to store nothing
      });
      if (before?.status === "SUCCESS") return;
      const now = new Date(nowOf(stateOf(context.broker))).toISOString().replace("Z", "+00:00");
      const kept: TaskMeta & { result: unknown } = {
        result: null,
        traceback: null,
        children: [],
        date_done: FINAL.test(task.status) ? now : null,
        ...defined(task),
        task_id: idOf(call),
      };
      // JSON would leave it out, and Celery's AsyncResult fails where there is none.
      if (/function|symbol/.test(typeof kept.result)) kept.result = null;
      await put(settings, locate(call), utf8Bytes(stringifyPythonJson(kept)), context);
    },
    async forget(call, given = {}) {
      await bucketRequest(settings, contextOf(call, given), deleteObject(locate(call)));
    },
  });
}

function idOf(call: Call | string): string {
  if (typeof call === "object" && call && "calls" in call) {
    throw new ConfigError("Cannot look for a group's result as each of its 'calls' has its own");
  }
  return typeof call === "string" ? call : call?.id;
}

async function readMeta(
  id: string,
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
): Promise<TaskMeta | undefined> {
  let plain = bytes;
  // The mark, the encoding's name, and a zero byte.
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 100));
  if (head.startsWith(COMPRESSED)) {
    const end = head.indexOf("\0", COMPRESSED.length);
    plain = await decompress(bytes.subarray(end + 1), head.slice(COMPRESSED.length, end), maxBytes);
  }
  let json: unknown;
  try {
    json = parsePythonJson(utf8Text(plain));
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    // What begins as it should may not be whole yet. Anything else can never be read, and nobody must wait for it.
    if (!plain.length || plain[0] === 0x7b) return undefined;
    throw new DecodeError(
      `Cannot read the result of task ${id} as it is not JSON: set Celery's result_serializer to it`,
    );
  }
  return typeof (json as TaskMeta | null)?.status === "string" ? json as TaskMeta : undefined;
}

/**
 * What a final state says.
 *
 * @throws {TaskFailedError} If it is a failure.
 */
function resultOf(id: string, { status, result, traceback }: TaskMeta): unknown {
  if (status === "SUCCESS") return result;
  let { exc_type, exc_message, exc_module } = Object(result) as Record<string, unknown>;
  // How Celery keeps an exception that Python could not make again, such as one whose __init__ takes other arguments.
  if (exc_type === "UnpickleableExceptionWrapper" && Array.isArray(exc_message)) {
    [exc_module, exc_type, exc_message] = exc_message;
  }
  const text = (value: unknown) => typeof value === "string" ? value : undefined;
  const type = text(exc_type) ?? (status === "REVOKED" ? "TaskRevokedError" : "Exception");
  const said = [exc_message ?? []].flat().map((arg) => text(arg) ?? stringifyPythonJson(arg)).join(", ");
  throw new TaskFailedError(`Task ${id} failed with ${type}${said && ": " + said}`, {
    type,
    module: text(exc_module),
    traceback: text(traceback),
  });
}
