/**
 * What shapes the options have, and one wording for those that have another.
 *
 * @module
 */
import * as v from "valibot";
import { refuse } from "../check.ts";
import { ConfigError } from "../errors.ts";
import { MAX_VISIBILITY, MAX_WAIT } from "../sqs/limits.ts";
import { isRole, MAX_DURATION, MIN_DURATION, ROLE } from "../sts/request.ts";

/** None of these may show in an error. */
const SECRET = /(?:key|key_id|token|url)$/;

/** Text; Python's None, which JSON writes as null, is an option that was not set. */
export const Text = v.nullish(v.string("a string"));
/** True or false, or not set. */
export const Flag = v.nullish(v.boolean("true or false"));
/** Anything: it has no effect. */
export const Ignored = v.optional(v.unknown());

/** A number within a range, or not set. */
export function number(least: number, most: number, whole = false): v.GenericSchema<number | null | undefined> {
  const expected = `${whole ? "an integer" : "a number"} ${
    most === Infinity ? `of ${least} or more` : `from ${least} to ${most}`
  }`;
  return v.nullish(v.pipe(
    v.number(expected),
    v.check((value) => value >= least && value <= most && (!whole || Number.isInteger(value)), expected),
  ));
}

/** Texts by name, or not set. */
export const Texts = v.nullish(v.record(v.string(), v.string("a string"), "an object of strings"));

const HttpUrl = v.pipe(
  v.string("the queue's URL"),
  v.check((url) => /^https?:\/\//i.test(url) && URL.canParse(url), "an http or https URL"),
);
const Keys = { region: Text, access_key_id: Text, secret_access_key: Text, session_token: Text };
const Names = v.nullish(v.array(v.string("a string"), "a list of strings"));

/** An entry of `predefined_queues`. */
export const Queue = v.object({
  ...Keys,
  url: v.optional(HttpUrl),
  backoff_policy: v.nullish(v.record(
    v.string(),
    v.pipe(
      v.number("a whole number of seconds"),
      v.check(
        (seconds) => Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_VISIBILITY,
        `an integer from 0 to ${MAX_VISIBILITY}`,
      ),
    ),
    "an object of seconds by receive count",
  )),
  backoff_tasks: Names,
}, "an object with the queue's url");

const TOPIC = "the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:123456789012:news";
const TopicArn = v.pipe(v.string(TOPIC), v.regex(/^arn:[\w-]+:sns:[\w-]*:\d*:[\w.-]+$/, TOPIC));

/** An entry of `predefined_exchanges`. */
export const Exchange = v.object(
  { ...Keys, arn: v.optional(TopicArn) },
  "an object with the topic's arn",
);

/** All transport options of kombu for SQS, and those for every transport. */
export const TransportOptions = v.object({
  region: Text,
  regioninfo: Ignored,
  is_secure: Flag,
  port: Ignored,
  queue_name_prefix: Text,
  visibility_timeout: v.nullish(v.union([v.string(), v.number()], "a number of seconds")),
  wait_time_seconds: number(0, MAX_WAIT, true),
  polling_interval: number(0, Infinity),
  predefined_queues: v.nullish(v.record(v.string(), Queue, "an object of queues by name")),
  predefined_exchanges: v.nullish(v.record(v.string(), Exchange, "an object of exchanges by name")),
  sts_role_arn: v.nullish(v.pipe(
    v.string(ROLE),
    v.check((arn) => arn === "" || isRole(arn), ROLE),
  )),
  sts_token_timeout: number(MIN_DURATION, MAX_DURATION, true),
  sts_token_buffer_time: number(0, Infinity),
  "sqs-creation-attributes": v.nullish(v.record(
    v.string(),
    v.union([v.string(), v.number(), v.boolean()], "a string, a number or a boolean"),
    "an object of SQS's attributes",
  )),
  queue_tags: Texts,
  "client-config": v.nullish(v.record(v.string(), v.unknown(), "an object of botocore's Config options")),
  fetch_message_attributes: v.nullish(v.union([
    v.array(v.string()),
    v.object({ MessageSystemAttributeNames: Names, MessageAttributeNames: Names }),
  ], "a list of names, or { MessageSystemAttributeNames, MessageAttributeNames } of lists")),
  sqs_base64_encoding: Flag,
  supports_fanout: Flag,
  body_encoding: Text,
  deadletter_queue: Text,
  max_retries: Ignored,
  interval_start: Ignored,
  interval_step: Ignored,
  interval_max: Ignored,
  connect_retries_timeout: Ignored,
  errback: Ignored,
  callback: Ignored,
}, "an object");

/**
 * Checks a shape.
 *
 * @param path What stands before the paths in errors.
 * @throws {ConfigError} With the path of what is wrong, what it must be and, unless it may be a secret, what came.
 */
export function shaped<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  path: string,
): v.InferOutput<Schema> {
  if (Array.isArray(value)) refuse(path, "an object", value); // which an array is for valibot
  const checked = v.safeParse(schema, value);
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  const at = [path, v.getDotPath(issue)].filter(Boolean).join(".");
  if (!SECRET.test(at) || issue.input == null) refuse(at, issue.message, issue.input);
  throw new ConfigError(`Cannot use '${at}' as it must be ${issue.message}: what it is may be secret and is not shown`);
}
