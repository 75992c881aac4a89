/**
 * Translates a name into one that SQS and SNS take, as kombu does: ASCII punctuation becomes `_`, a dot becomes `-`,
 * `-` and `_` stay, and so does a `.fifo` at the end.
 *
 * Other characters stay as they are, as in kombu, so that both name the same queue; SQS refuses what is not a letter or
 * a digit of ASCII then.
 *
 * @param name A queue's or an exchange's name.
 * @returns The translated name.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { entityName } from "@dashi/sqs";
 *
 * assert.equal(entityName("shop.orders:new"), "shop-orders_new");
 * assert.equal(entityName("shop.orders.fifo"), "shop-orders.fifo");
 * ```
 */
export function entityName(name: string): string {
  return name.replace(/[!-,./:-@[-^`{-~]/g, (mark, at) => mark !== "." ? "_" : name.slice(at) === ".fifo" ? "." : "-");
}
