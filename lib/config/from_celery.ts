import { assertWithin, defined, refuse } from "../check.ts";
import { kombu } from "../codec/kombu.ts";
import { assumeRole } from "../credentials/assume_role.ts";
import { defaultChain } from "../credentials/default_chain.ts";
import { staticCredentials } from "../credentials/static_credentials.ts";
import { snsFanout } from "../fanout/sns_fanout.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import type { ConnectOptions } from "../types.ts";
import { readBrokerUrl } from "./broker_url.ts";
import { readClientConfig } from "./read_client_config.ts";
import { refuseUnknown } from "./refuse_unknown.ts";
import { assertEntries, readExchanges, readQueues } from "./predefined.ts";
import { Exchange, Queue, shaped, TransportOptions } from "./shape.ts";

/** kombu's own defaults: code, docs and tests read them here. */
export const KOMBU_DEFAULTS = {
  /** Seconds of a long poll. */
  waitTimeSeconds: 10,
  /** Seconds after an empty answer. */
  pollingInterval: 1,
  /** The VisibilityTimeout of queues that are created, in seconds. */
  visibilityTimeout: 1800,
  /** Seconds that the keys of a role are good for. */
  tokenTimeout: 900,
} as const;

/** The part of Celery's configuration that says how to reach the broker. Other settings may stand beside it. */
export interface CeleryConfig {
  /** The broker URL, or a list of one. */
  readonly broker_url: string | readonly string[];
  /** kombu's transport options. */
  readonly broker_transport_options?: object | null | undefined;
  /** The other settings of Celery: they say nothing of the broker, and are left alone. */
  readonly [setting: string]: unknown;
}

/**
 * Makes the broker URL and transport options of a Celery or kombu program ours, with kombu's names and kombu's defaults:
 * long polls of 10 s and 1 s between empty ones, missing queues created with a VisibilityTimeout of 1800, and a requeue
 * that hides for the wait time. Python's None is null.
 *
 * Where this differs from kombu 5.7: hosts of AWS are always reached over https; a predefined queue's `session_token` is
 * used; half a pair of keys, and a plain string as `fetch_message_attributes`, are errors. With `supports_fanout` false,
 * kombu's default, using a fanout exchange is an error, too. A region that only a profile names is not looked up,
 * and where no `region` is set AWS_REGION counts, which boto3 does not read.
 *
 * Taken without effect, as in kombu: `port` (the URL's counts), `regioninfo`, `sts_role_arn` without predefined queues or
 * exchanges, `predefined_exchanges` without `supports_fanout`. Taken without effect as it has nothing to act on here:
 * `max_retries`, `interval_start`, `interval_step`, `interval_max`, `connect_retries_timeout`, `errback` and `callback`,
 * which say how kombu connects, and of `client-config` what says nothing about requests, like `max_pool_connections` and
 * `user_agent`.
 *
 * @param broker The broker URL, `sqs://KEY:SECRET@HOST:PORT`, each part optional; or Celery's configuration.
 * @param transportOptions kombu's options; with Celery's configuration, its `broker_transport_options`.
 * @returns Options for `connect()`. Keys stand in closures, so that printing shows none.
 * @throws {ConfigError} If an option is unknown (with the nearest one that is known), wrong, or can't apply here, or the
 * URL can't be read. No message holds the URL or a key.
 * @throws {InvalidQueueError} If a predefined queue's name and URL disagree about FIFO.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect } from "@dashi/sqs";
 * import { fromCelery } from "@dashi/sqs/config";
 *
 * const options = fromCelery("sqs://AKIDEXAMPLE:s%2Fcret@", { region: "eu-west-1", queue_name_prefix: "prod-" });
 * assert.equal(options.queueNamePrefix, "prod-");
 * assert.equal(options.waitTimeSeconds, 10);
 * const broker = connect(options);
 * ```
 *
 * @example Celery's configuration, and an option of our own
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { fromCelery } from "@dashi/sqs/config";
 *
 * const celery = { broker_url: "sqs://", broker_transport_options: { polling_interval: 0.3 } };
 * const broker = connect({ ...fromCelery(celery), onEvent: (event) => event.type });
 * ```
 */
export function fromCelery(
  broker: string | CeleryConfig,
  transportOptions?: object | null,
): ConnectOptions {
  let path = "transportOptions";
  let url: unknown = broker;
  if (typeof broker === "object" && broker) {
    path = "broker_transport_options";
    url = Array.isArray(broker.broker_url) && broker.broker_url.length === 1 ? broker.broker_url[0] : broker.broker_url;
    transportOptions ??= broker.broker_transport_options;
  }
  const given = (transportOptions ?? {}) as Record<string, unknown>;
  if (typeof given === "object") {
    refuseUnknown(path, given, Object.keys(TransportOptions.entries));
    assertEntries(`${path}.predefined_queues`, given.predefined_queues, Queue);
    assertEntries(`${path}.predefined_exchanges`, given.predefined_exchanges, Exchange);
    const fetched = given.fetch_message_attributes;
    if (typeof fetched === "object" && fetched && !Array.isArray(fetched)) {
      refuseUnknown(`${path}.fetch_message_attributes`, fetched, FETCHED);
    }
  }
  const options = shaped(TransportOptions, given, path);
  const { keys, endpoint, region } = readBrokerUrl(url, options.is_secure ?? false);
  const client = readClientConfig(options["client-config"] ?? {}, `${path}.client-config`);
  const waitTimeSeconds = options.wait_time_seconds ?? KOMBU_DEFAULTS.waitTimeSeconds;
  const sources = { role: roleOf(options), urlKeys: keys };
  const queues = readQueues(options.predefined_queues ?? {}, `${path}.predefined_queues`, sources);
  const topics = readExchanges(options.predefined_exchanges ?? {}, `${path}.predefined_exchanges`, sources);
  return Object.freeze<ConnectOptions>(defined({
    region: client.region ?? (options.region || region),
    credentials: keys ? staticCredentials(keys) : defaultChain(),
    endpoint,
    queueNamePrefix: options.queue_name_prefix ?? undefined,
    predefinedQueues: unlessEmpty(queues),
    createMissing: true,
    waitTimeSeconds,
    pollingInterval: options.polling_interval ?? KOMBU_DEFAULTS.pollingInterval,
    requeueDelay: waitTimeSeconds,
    queueAttributes: {
      VisibilityTimeout: secondsOf(options.visibility_timeout, `${path}.visibility_timeout`),
      ...options["sqs-creation-attributes"],
    },
    queueTags: unlessEmpty(options.queue_tags ?? {}),
    fetchAttributes: fetchedOf(options.fetch_message_attributes),
    codec: kombu({
      base64: options.sqs_base64_encoding ?? true,
      bodyEncoding: bodyEncodingOf(given.body_encoding, `${path}.body_encoding`),
    }),
    fanout: options.supports_fanout ? snsFanout({ topics: unlessEmpty(topics) }) : undefined,
    unroutableQueue: options.deadletter_queue || undefined,
    http: client.http,
  }));
}

const FETCHED = ["MessageSystemAttributeNames", "MessageAttributeNames"] as const;

type Options = ReturnType<typeof shaped<typeof TransportOptions>>;

/**
 * One provider for all queues and exchanges, so that they share its keys and their expiry. As in kombu it is the default
 * chain's keys that assume the role, not the URL's.
 */
function roleOf({ sts_role_arn, sts_token_timeout, sts_token_buffer_time }: Options) {
  if (!sts_role_arn) return undefined;
  const durationSeconds = sts_token_timeout ?? KOMBU_DEFAULTS.tokenTimeout;
  const buffer = sts_token_buffer_time ?? 0;
  return assumeRole({
    arn: sts_role_arn,
    sessionName: "Celery",
    durationSeconds,
    refreshBefore: buffer < durationSeconds ? buffer : 0,
  });
}

/** As kombu reads it: text is taken, fractions are cut off, an empty text is not set. */
function secondsOf(value: string | number | null | undefined, path: string): string {
  const text = String(value ?? "").trim();
  if (text === "") return String(KOMBU_DEFAULTS.visibilityTimeout);
  // Python's float() reads no hexadecimal.
  const seconds = Math.trunc(/^[-+.\de]+$/i.test(text) ? Number(text) : NaN);
  assertWithin(path, seconds, 0, MAX_VISIBILITY);
  return String(seconds);
}

/** `all` in any case is all of them. */
function fetchedOf(fetched: Options["fetch_message_attributes"]): ConnectOptions["fetchAttributes"] {
  if (!fetched) return undefined;
  const names = (list: readonly string[] | null | undefined) =>
    list?.some((name) => name.toLowerCase() === "all") ? ["All"] : list ?? [];
  if (Array.isArray(fetched)) return names(fetched);
  const { MessageSystemAttributeNames, MessageAttributeNames } = fetched as Record<typeof FETCHED[number], string[]>;
  return { system: names(MessageSystemAttributeNames), message: names(MessageAttributeNames) };
}

/** None is no encoding of the body of its own. */
function bodyEncodingOf(value: unknown, path: string): "base64" | "utf-8" {
  const name = value === undefined ? "base64" : String(value ?? "").toLowerCase() || "utf-8";
  return name === "base64" || name === "utf-8" ? name : refuse(path, "base64 or utf-8", value);
}

function unlessEmpty<T>(record: Record<string, T>): Record<string, T> | undefined {
  return Object.keys(record).length ? record : undefined;
}
