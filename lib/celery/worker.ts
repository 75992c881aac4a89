/**
 * What one `serveTasks()` knows.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import type { BrokerState } from "../broker.ts";
import type { Delivery } from "../consume/delivery.ts";
import type { Broker, Codec, DashiEvent, ResultStore } from "../types.ts";
import { onAnyAbort } from "./on_any_abort.ts";
import { nameOf } from "./request.ts";
import type { ServedTask } from "./types.ts";

/** A change of a task's state. */
export type TaskState = Extract<DashiEvent, { type: "task" }>["state"];

/** A running worker. */
export interface Worker {
  readonly broker: Broker;
  readonly state: BrokerState;
  readonly tasks: ReadonlyMap<string, ServedTask>;
  readonly results?: ResultStore;
  readonly acks: "late" | "early";
  readonly queueFor?: (task: string) => string | undefined;
  readonly codec?: Codec;
  /** Fires when it is to stop: what has not begun goes back. */
  readonly stopping: AbortController;
  /** Fires when the grace after that is over: what runs then, acked before it began, has failed. */
  readonly over: AbortController;
  /** Tasks that wait for their time. */
  parked: number;
  /** Lets so many run side by side. */
  readonly slots: Slots;
  /** Tells `onEvent`. */
  tell(state: TaskState, delivery: Delivery<unknown>, more?: { eta?: Date; error?: unknown }): void;
}

/** Lets a few in at a time. */
export interface Slots {
  /** How many are in. */
  readonly used: number;
  /** Waits for a slot. False if a signal fired first. */
  enter(...signals: AbortSignal[]): Promise<boolean>;
  /** Gives the slot back. */
  leave(): void;
}

/** Makes slots. */
export function createSlots(count: number): Slots {
  const waiting: (() => void)[] = [];
  let used = 0;
  return {
    get used() {
      return used;
    },
    async enter(...signals) {
      if (signals.some(({ aborted }) => aborted)) return false;
      if (used < count) {
        used++;
        return true;
      }
      return await new Promise<boolean>((resolve) => {
        const go = () => {
          callOff();
          resolve(true);
        };
        waiting.push(go);
        const callOff = onAnyAbort(signals, () => {
          waiting.splice(waiting.indexOf(go), 1);
          callOff();
          resolve(false);
        });
      });
    },
    leave() {
      const next = waiting.shift();
      if (next) next();
      else used--;
    },
  };
}

/** Makes the function that tells `onEvent` of a task. */
export function teller(state: BrokerState): Worker["tell"] {
  return (change, delivery, { eta, error } = {}) => {
    if (!state.options.onEvent) return;
    state.emit({
      type: "task",
      state: change,
      ...nameOf(delivery),
      queue: delivery.queue,
      ...(eta && { eta }),
      ...(error !== undefined && { error: asError(error) }),
    });
  };
}
