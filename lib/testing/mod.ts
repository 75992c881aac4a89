/**
 * `@dashi/sqs/testing`: an Amazon SQS in memory, as a `fetch` function with a clock of its own.
 *
 * @example A handler that fails once
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, consume, forEach, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * let tries = 0;
 * await sqs.clock.run(async () => {
 *   await publish(broker, { id: 1 }, { queue: "orders" });
 *   const orders = consume(broker, "orders", { backoff: { 1: 600 }, maxMessages: 2 });
 *   await forEach(orders, () => {
 *     if (++tries === 1) throw new Error("the kitchen is closed");
 *   });
 * });
 * assert.equal(tries, 2); // ten minutes later, which took no time
 * ```
 *
 * @module
 */
export * from "./memory_sqs.ts";
export type { Fault, FaultCall, FaultHook } from "./faults.ts";
export type { MessageView } from "./message.ts";
export type { RunOptions, VirtualClock, Wait } from "./virtual_clock.ts";
export type { Clock, Credentials, WireAttribute } from "../types.ts";
