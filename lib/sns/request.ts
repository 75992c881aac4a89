/**
 * What every SNS request has in common: the query protocol, and the checks of arguments.
 *
 * @module
 */
import * as v from "valibot";
import { refuse } from "../check.ts";
import { type QueryParams, queryRequest } from "../http/query_request.ts";
import { asList } from "../http/xml.ts";
import type { AwsRequest } from "../types.ts";

/** SNS's API version. */
const VERSION = "2010-03-31";

/** Builds a request of SNS's query protocol. */
export function snsRequest<Schema extends v.GenericSchema, Output>(
  action: string,
  params: QueryParams,
  schema: Schema,
  read: (result: v.InferOutput<Schema>) => Output,
): AwsRequest<Output> {
  return queryRequest("sns", action, { version: VERSION, params, schema, read });
}

/** Throws unless the value is an ARN of SNS: a topic's, or a subscription's. */
export function assertSnsArn(path: string, value: unknown): asserts value is string {
  if (typeof value !== "string" || !/^arn:[\w-]+:sns:[\w-]*:\d*:[\w.:-]+$/.test(value)) {
    refuse(path, "an ARN such as arn:aws:sns:eu-west-1:123456789012:news", value);
  }
}

/** The schema of a map in an answer: `<Attributes><entry><key>…</key><value>…</value></entry></Attributes>`. */
export const XmlMap: v.GenericSchema<unknown, Record<string, string>> = /* @__PURE__ */ (() =>
  v.pipe(
    v.unknown(),
    v.transform((value) => asList((value as { entry?: unknown } | undefined)?.entry)),
    v.array(v.object({ key: v.string(), value: v.optional(v.string(), "") })),
    v.transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value]))),
  ))();
