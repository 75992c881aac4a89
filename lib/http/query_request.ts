/**
 * What requests of AWS's query protocol have in common: a form in, XML out. SNS and STS speak it.
 *
 * @module
 */
import * as v from "valibot";
import type { AwsRequest, Service } from "../types.ts";
import { type Asked, awsError, badAnswer, type Fault } from "./answer.ts";
import { readXmlAnswer } from "./read_xml_answer.ts";
import type { XmlRecord } from "./xml.ts";

/** A parameter: a list becomes `name.member.1` and so on, a record `name.key`, undefined is left out. */
export type QueryValue = string | number | boolean | undefined | readonly QueryValue[] | QueryParams;

/** Parameters by name. */
export interface QueryParams {
  readonly [name: string]: QueryValue;
}

/** What a {@linkcode queryRequest} is about. */
export interface QueryRequestOptions<Schema extends v.GenericSchema, Output> {
  /** The API's version, such as `2011-06-15`. */
  readonly version: string;
  /** The input. */
  readonly params: QueryParams;
  /** What the answer's `<ActionResult>` must look like; it is given an empty record where there is none. */
  readonly schema: Schema;
  /** Makes the output of a good answer. */
  readonly read: (result: v.InferOutput<Schema>) => Output;
  /** Makes the error for what AWS said. Default: an `AwsError`. */
  readonly toError?: ((asked: Asked, response: Response, fault: Fault) => Error) | undefined;
}

/**
 * Builds a request of the query protocol: parameters as a form in the body, in their order, encoded as RFC 3986 says.
 *
 * @param service The service.
 * @param action The API action.
 * @param options Version, input, and how the answer is read.
 */
export function queryRequest<Schema extends v.GenericSchema, Output>(
  service: Service,
  action: string,
  options: QueryRequestOptions<Schema, Output>,
): AwsRequest<Output> {
  const { version, params, schema, read, toError = awsError } = options;
  const asked = { service, action };
  return {
    ...asked,
    method: "POST",
    path: "/",
    query: {},
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: formOf({ Action: action, Version: version, ...params }),
    async parse(response) {
      const xml = await readXmlAnswer(response, asked, (fault) => toError(asked, response, fault));
      const whole = xml[`${action}Response`];
      // A good status alone is no answer: a proxy may send a page of its own with 200.
      if (whole === undefined) throw badAnswer(asked, response, `it has no <${action}Response>`);
      const result = (whole as XmlRecord)[`${action}Result`] || Object.create(null);
      const checked = v.safeParse(schema, result);
      if (!checked.success) {
        const path = v.getDotPath(checked.issues[0]) ?? "";
        throw badAnswer(asked, response, `its '${path}' is not what ${service} answers`);
      }
      return read(checked.output);
    },
  };
}

/**
 * A map as the query protocol writes it: `{ a: "1" }` is `entry.1.key=a&entry.1.value=1`.
 *
 * @param map The map; undefined gives undefined.
 * @param key What the protocol calls the key: SNS's MessageAttributes say `Name`.
 * @param value What it calls the value.
 */
export function entries(
  map: Readonly<Record<string, QueryValue>> | undefined,
  key = "key",
  value = "value",
): QueryParams | undefined {
  return map && Object.fromEntries(
    Object.entries(map).map(([name, held], index) => [`entry.${index + 1}`, { [key]: name, [value]: held }]),
  );
}

/** Writes parameters as a form. */
function formOf(params: QueryParams): string {
  const pairs: string[] = [];
  const add = (name: string, value: QueryValue): void => {
    if (Array.isArray(value)) value.forEach((item, index) => add(`${name}.member.${index + 1}`, item));
    else if (typeof value === "object") {
      for (const [key, held] of Object.entries(value)) {
        add(`${name}.${key}`, held);
      }
    } else if (value !== undefined) pairs.push(`${encode(name)}=${encode(String(value))}`);
  };
  for (const [name, value] of Object.entries(params)) add(name, value);
  return pairs.join("&");
}

/** Percent-encodes all but RFC 3986's unreserved characters; a lone surrogate becomes U+FFFD, as on any wire. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
