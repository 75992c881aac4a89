/**
 * Fanout exchanges, on Amazon SNS.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { snsFanout } from "@dashi/sqs/fanout";
 *
 * const broker = connect({ region: "eu-west-1", fanout: snsFanout() });
 * ```
 *
 * @module
 */
export { KOMBU_TAGS, snsFanout, type SnsFanoutOptions } from "./sns_fanout.ts";
export type { PredefinedTopic } from "./topic.ts";
export type * from "../types.ts";
