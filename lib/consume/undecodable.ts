/**
 * What becomes of a message that can't be read: kept for the redrive policy to decide, or delivered with its error.
 *
 * @module
 */
import { show } from "../check.ts";
import { DashiError, DecodeError } from "../errors.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { type Held, tell } from "./held.ts";
import { leave } from "./settle.ts";

/** Options of the transforms that read bodies. */
export interface UndecodableOptions {
  /** `"leave"`: hidden until its timeout, with an event, never deleted. `"deliver"`: goes on with its `error`. */
  readonly onUndecodable?: "leave" | "deliver" | undefined;
}

/** Options that leave what can't be read in its queue. */
export interface LeaveUndecodable {
  /** Not `"deliver"`: only what can be read is handed over. */
  readonly onUndecodable?: "leave" | undefined;
}

/** Leaves a message that can't be read in its queue, with an event. */
export function leaveUndecodable(held: Held, error: Error): void {
  tell(held, { type: "drop", reason: "undecodable", error });
  leave(held);
}

/** Leaves the message, or marks it for the loop, as the policy says. */
export function undecodable<T>(
  delivery: Delivery<T>,
  cause: unknown,
  { onUndecodable }: UndecodableOptions,
): Delivery<T> | undefined {
  const why = cause instanceof Error ? cause.message : show(cause); // a codec may throw what has no text
  const error = cause instanceof DashiError
    ? cause
    : new DecodeError(`Cannot read message ${delivery.messageId} of '${delivery.queue}': ${why}`, { cause });
  const held = heldOf(delivery);
  if (onUndecodable === "deliver") return delivery.with(held.message.Body as T, { error });
  leaveUndecodable(held, error);
  return undefined;
}
