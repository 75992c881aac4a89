import type { BrokerState } from "../broker.ts";
import { MAX_DELAY } from "../sqs/limits.ts";

/**
 * The delay that a producer of kombu put into the properties, by kombu's rules: `delay_seconds`, else `DelaySeconds`.
 * Fractions are cut off. What is no delay is left out, what is too long is cut to 900 s, each with a `warning` event.
 *
 * @param state The broker's, for its events.
 * @param properties The message's properties.
 * @returns Whole seconds from 0 to 900, or undefined for none.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 */
export function kombuDelay(state: BrokerState, properties: Readonly<Record<string, unknown>>): number | undefined {
  const given = properties.delay_seconds ?? properties.DelaySeconds;
  if (given == null) return;
  const delay = asPythonInt(given);
  if (delay >= 0 && delay <= MAX_DELAY) return delay;
  const clamped = delay > MAX_DELAY ? MAX_DELAY : undefined;
  state.emit({
    type: "warning",
    message: `The properties' delay of ${delay} s is out of range: published with ${clamped ?? "none"}`,
  });
  return clamped;
}

/** What Python's `int()` makes of a value; NaN where it raises. */
function asPythonInt(value: unknown): number {
  if (typeof value === "string") {
    return /^\s*[+-]?\d+(_\d+)*\s*$/.test(value) ? Number(value.replaceAll("_", "")) : NaN;
  }
  // A number, a boolean or a bigint; an infinity is an error in Python.
  return /^[nb]/.test(typeof value) && value !== Infinity ? Math.trunc(Number(value)) : NaN;
}
