/**
 * What the actions on queues have in common: names and attributes.
 *
 * @module
 */
import { refuse } from "../check.ts";

/** A queue's attributes by SQS's names; numbers and booleans are written as the strings that SQS wants. */
export type QueueAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Throws unless SQS takes it as the name of a queue. */
export function assertQueueName(name: unknown): asserts name is string {
  if (typeof name !== "string" || !/^(?=.{1,80}$)[\w-]+(?:\.fifo)?$/.test(name)) {
    refuse("queueName", "1 to 80 letters, digits, hyphens and underscores, .fifo at the end included", name);
  }
}

/** Attributes as the wire wants them; those that are undefined are left out. */
export function writeAttributes(attributes: QueueAttributes | undefined): Record<string, string> | undefined {
  return attributes && Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== undefined).map(([name, value]) => {
      if (!["string", "number", "boolean"].includes(typeof value)) {
        refuse(`attributes.${name}`, "a string, a number or a boolean (a policy as JSON text)", value);
      }
      return [name, String(value)];
    }),
  );
}
