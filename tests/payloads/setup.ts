/**
 * What the tests of this folder share: a store at a strict S3.
 *
 * @module
 */
import { connect } from "../../lib/connect.ts";
import { s3Payloads, type S3PayloadsOptions } from "../../lib/payloads/mod.ts";
import type { ConnectOptions, DashiEvent, PayloadContext, PlainAttributeValue } from "../../lib/types.ts";
import { CREDENTIALS, type S3Call, strictS3 } from "./strict_s3.ts";

/** What a store is told of a body. */
export const ABOUT = { shared: false, queue: "orders" };

/** A store at a strict S3, with a broker and the events of both. */
export function setUp(
  given: Partial<S3PayloadsOptions> & { fault?: (call: S3Call) => Response | undefined | Promise<Response> } = {},
  connection: ConnectOptions = {},
) {
  const { fault, ...options } = given;
  const s3 = strictS3({ fault });
  const events: DashiEvent[] = [];
  const broker = connect({
    region: "eu-west-1",
    credentials: CREDENTIALS,
    random: () => 0,
    http: { fetch: s3.fetch },
    onEvent: (event) => events.push(event),
    ...connection,
  });
  const store = s3Payloads({ bucket: "letters", ...options });
  const context: PayloadContext = { broker, emit: (event) => events.push(event) };
  return { s3, events, broker, store, context, payloads: () => events.filter(({ type }) => type === "payload") };
}

/** Attributes as a store is given them. */
export function plain(attributes: Readonly<Record<string, unknown>>): Record<string, PlainAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, (value as { StringValue: string }).StringValue]),
  );
}

/** The Extended Client's pointer to an object. */
export const pointerTo = (key: string, bucket = "letters") =>
  JSON.stringify(["software.amazon.payloadoffloading.PayloadS3Pointer", { s3BucketName: bucket, s3Key: key }]);

/** What a store is told of a message. */
export const EAGER = { lazy: false, messageAttributes: {} };
export const LAZY = { lazy: true, messageAttributes: {} };
