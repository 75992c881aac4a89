import type { StandardSchemaV1, Transform } from "../types.ts";
import type { Delivery, UndecodableDelivery } from "./delivery.ts";
import { assertSchema } from "./options.ts";
import { andThen, readBodies } from "./read_bodies.ts";
import type { LeaveUndecodable, UndecodableOptions } from "./undecodable.ts";

/**
 * Checks bodies with a Standard Schema: the body becomes the schema's output. One that does not fit is undecodable.
 *
 * @param schema A schema of valibot, zod, arktype or another library that speaks Standard Schema.
 * @param options What becomes of a message that does not fit.
 * @returns The transform.
 * @throws {ConfigError} If it is no schema.
 * @see {@link https://standardschema.dev}
 *
 * @example Usage
 * ```ts
 * import * as v from "valibot";
 * import { connect, decode, json, pipe, receive, validate } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const Order = v.object({ id: v.number() });
 * const orders = pipe(receive(broker, "orders"), decode(json()), validate(Order));
 * ```
 */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  options?: LeaveUndecodable,
): Transform<Delivery<unknown>, Delivery<StandardSchemaV1.InferOutput<Schema>>>;
/** With `onUndecodable: "deliver"`: what does not fit goes on too. */
export function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  options?: UndecodableOptions,
): Transform<
  Delivery<unknown> | UndecodableDelivery,
  Delivery<StandardSchemaV1.InferOutput<Schema>> | UndecodableDelivery
>;
export function validate(schema: StandardSchemaV1, options: UndecodableOptions = {}): Transform<any, any> {
  assertSchema("schema", schema);
  return readBodies(options, (delivery) =>
    andThen(schema["~standard"].validate(delivery.body), (result) => {
      if (!result.issues) return delivery.with(result.value);
      const [issue] = result.issues;
      const at = placeOf(issue);
      throw new Error(`its body${at && ` at '${at}'`} does not fit the schema: ${issue.message}`);
    }));
}

/** Where in a value an issue is, its steps joined by dots; the empty string for the value as a whole. */
export function placeOf({ path = [] }: StandardSchemaV1.Issue): string {
  return path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
}
