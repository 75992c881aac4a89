import type { BrokerState } from "../broker.ts";
import { assertText, assertWithin, refuse } from "../check.ts";
import { UnroutableError } from "../errors.ts";
import { MAX_DELAY } from "../sqs/limits.ts";
import { route } from "../topology/route.ts";
import type { MessageAttributeInput } from "../types.ts";
import { kombuDelay } from "./kombu_delay.ts";
import type { PublishOptions } from "./options.ts";

/** A message whose options were checked and whose way is known, before it is written for a queue. */
export interface Draft {
  readonly messageId: string;
  readonly body: unknown;
  readonly options: PublishOptions;
  readonly exchange: string;
  readonly routingKey: string;
  /** Whether it goes to the exchange's topic. */
  readonly fanout: boolean;
  /** The queues by name or URL; for fanout, the exchange. */
  readonly names: readonly string[];
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, MessageAttributeInput>>;
  /** kombu's delay; the option is in `options`. */
  readonly delay?: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

/**
 * Checks a message's options and finds its way.
 *
 * @throws {ConfigError} If an option is wrong.
 * @throws {UndefinedExchangeError} If the exchange was not declared.
 * @throws {UnroutableError} If the exchange has no queue for it, and it is mandatory.
 */
export function draft(state: BrokerState, body: unknown, options: PublishOptions): Draft {
  const { queue, exchange, routingKey = "", delaySeconds, expiration, traceparent } = options;
  if ((queue === undefined) === (exchange === undefined) || (queue !== undefined && options.routingKey !== undefined)) {
    refuse("queue", "given, or else 'exchange' and 'routingKey'", queue);
  }
  if (delaySeconds !== undefined) assertWithin("delaySeconds", delaySeconds, 0, MAX_DELAY);
  const fanout = !!exchange && Object.hasOwn(state.topology.exchanges, exchange) &&
    state.topology.exchanges[exchange].type === "fanout";
  if (fanout && delaySeconds !== undefined) refuse("delaySeconds", "left out, as topics take no delay", delaySeconds);
  if (fanout && !state.options.fanout) {
    refuse("fanout", "set in connect(), as snsFanout() is, for this exchange", undefined);
  }
  const { message_attributes, ...properties } = (options.properties ?? {}) as Record<string, any>;
  if (expiration !== undefined) {
    assertWithin("expiration", expiration, 0, 1e9, true);
    properties.expiration = String(Math.trunc(expiration * 1000));
  }
  if (traceparent !== undefined) assertText("traceparent", traceparent);
  return {
    messageId: crypto.randomUUID(),
    body,
    options,
    exchange: exchange ?? "",
    routingKey: queue ?? routingKey,
    fanout,
    names: fanout ? [exchange] : exchange ? routed(state, exchange, routingKey, options) : [queue ?? routingKey],
    headers: traceparent === undefined ? options.headers ?? {} : { ...options.headers, traceparent },
    properties,
    attributes: { ...message_attributes, ...options.messageAttributes },
    delay: delaySeconds === undefined ? kombuDelay(state, properties) : undefined,
    groupId: assertId("groupId", options.groupId ?? properties.MessageGroupId),
    deduplicationId: assertId("deduplicationId", options.deduplicationId ?? properties.MessageDeduplicationId),
  };
}

function routed(state: BrokerState, exchange: string, routingKey: string, options: PublishOptions): readonly string[] {
  const names = route(state.topology, exchange, routingKey);
  if (names.length) return names;
  const queue = state.topology.exchanges[exchange].unroutableQueue ?? state.options.unroutableQueue;
  if (queue === undefined && options.mandatory !== false) {
    throw new UnroutableError(
      `Cannot publish to the exchange '${exchange}' as no queue is bound that takes the routing key '${routingKey}': ` +
        "bind() one, or set its 'unroutableQueue', or 'mandatory: false'",
    );
  }
  state.emit({ type: "unroutable", exchange, routingKey, queue });
  return queue === undefined ? [] : [queue];
}

/** What SQS takes as a group's or a deduplication's id. */
function assertId(path: string, id: unknown): string | undefined {
  if (id == null) return;
  if (typeof id !== "string" || !/^[!-~]{1,128}$/.test(id)) {
    refuse(path, "1 to 128 letters, digits and punctuation marks", id);
  }
  return id;
}
