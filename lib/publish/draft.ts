import type { BrokerState } from "../broker.ts";
import { refuse } from "../check.ts";
import { assertMessageId } from "../codec/sqs_text.ts";
import { UnroutableError } from "../errors.ts";
import { exchangeIn } from "../topology/exchange_in.ts";
import { route } from "../topology/route.ts";
import type { MessageAttributeInput, OutgoingMessage, Topology } from "../types.ts";
import { kombuDelay } from "./kombu_delay.ts";
import type { PublishOptions } from "./options.ts";

/** A message whose options were checked and whose way is known, before it is written for a queue. */
export interface Draft {
  readonly options: PublishOptions;
  /** What the codec is given. */
  readonly outgoing: OutgoingMessage & { readonly fanout: boolean };
  /** The queues by name or URL; for fanout, the exchange. */
  readonly names: readonly string[];
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
  const { queue, exchange = "", routingKey = "", delaySeconds, expiration, traceparent } = options;
  if (queue === undefined ? options.exchange === undefined : (options.exchange ?? options.routingKey) !== undefined) {
    refuse("queue", "given, or 'exchange' and 'routingKey', and not both", queue);
  }
  const declared = exchange ? exchangeIn(state.topology, exchange) : undefined;
  const fanout = declared?.type === "fanout";
  if (fanout && !state.options.fanout) refuse("fanout", "set in connect(), as snsFanout() is", undefined);
  const { message_attributes, ...properties } = (options.properties ?? {}) as Record<string, any>;
  if (expiration !== undefined) properties.expiration = String(Math.trunc(expiration * 1000));
  const key = queue ?? routingKey;
  return {
    options,
    outgoing: {
      body,
      headers: traceparent === undefined ? options.headers ?? {} : { ...options.headers, traceparent },
      properties,
      contentType: options.contentType,
      contentEncoding: options.contentEncoding,
      exchange,
      // A queue that was called by its URL has a name, too.
      routingKey: exchange ? key : key.replace(/^https?:.*\//, ""),
      messageId: crypto.randomUUID(),
      fanout,
    },
    names: fanout ? [exchange] : declared ? routed(state, exchange, key, options, declared) : [key],
    attributes: { ...message_attributes, ...options.messageAttributes },
    delay: delaySeconds === undefined ? kombuDelay(state, properties) : undefined,
    groupId: options.groupId ?? idIn(properties, "MessageGroupId"),
    deduplicationId: options.deduplicationId ?? idIn(properties, "MessageDeduplicationId"),
  };
}

function routed(
  state: BrokerState,
  exchange: string,
  routingKey: string,
  options: PublishOptions,
  { unroutableQueue: queue = state.options.unroutableQueue }: Topology["exchanges"][string],
): readonly string[] {
  const names = route(state.topology, exchange, routingKey);
  if (names.length) return names;
  if (queue === undefined && options.mandatory !== false) {
    throw new UnroutableError(
      `Cannot publish to the exchange '${exchange}' as no queue is bound for '${routingKey}': ` +
        "bind() one, or set 'unroutableQueue' or 'mandatory: false'",
    );
  }
  state.emit({ type: "unroutable", exchange, routingKey, queue });
  return queue === undefined ? [] : [queue];
}

/** An id that kombu's properties may have. */
function idIn(properties: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const id = properties[name] ?? undefined;
  if (id !== undefined) assertMessageId(`properties.${name}`, id);
  return id as string | undefined;
}
