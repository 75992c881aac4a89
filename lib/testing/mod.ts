/**
 * `@dashi/sqs/testing`: an Amazon SQS in memory, as a `fetch` function with a clock of its own.
 *
 * @module
 */
export * from "./memory_sqs.ts";
export type { Fault, FaultCall, FaultHook } from "./faults.ts";
export type { MessageView } from "./message.ts";
export type { RunOptions, VirtualClock, Wait } from "./virtual_clock.ts";
export type { Clock, Credentials, WireAttribute } from "../types.ts";
