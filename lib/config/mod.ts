/**
 * The configuration of Celery and kombu, for `connect()`.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { fromCelery } from "@dashi/sqs/config";
 *
 * const broker = connect(fromCelery("sqs://", { region: "eu-west-1", visibility_timeout: 3600 }));
 * ```
 *
 * @module
 */
export { type CeleryConfig, fromCelery, KOMBU_DEFAULTS } from "./from_celery.ts";
export type * from "../types.ts";
