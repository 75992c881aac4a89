/**
 * What is done with a delivery.
 *
 * @module
 */
import { type Delivery, publish } from "@dashi/sqs";
import { type Given, isHeld, OfTheUser, type Run, type Said } from "./history.ts";
import type { Handling } from "./program.ts";
import type { World } from "./world.ts";

/** Writes down that a delivery was handed over, and how SQS and its consumer had it then. */
export function note({ sqs, given, seconds }: World, delivery: Delivery<any>, run?: Run): Given {
  const { queue, messageId, receiptHandle: handle, groupId } = delivery;
  const views = sqs.queueNames.includes(queue) ? sqs.messages(queue) : [];
  const place = views.findIndex((view) => view.messageId === messageId);
  const one: Given = {
    run,
    delivery,
    queue,
    messageId,
    handle,
    at: seconds(),
    view: views[place],
    before: views.slice(0, Math.max(0, place)).filter((view) => queue.endsWith(".fifo") && view.groupId === groupId),
    unsettled: 1 + (run?.given.filter(isHeld).length ?? 0),
    ended: run?.ended !== undefined,
    said: [],
  };
  given.push(one);
  run?.given.push(one);
  return one;
}

/** Does with a delivery what is planned. */
export async function handle(world: World, one: Given, plan: Handling): Promise<void> {
  const { sqs, background, thrown, endOf } = world;
  if (plan.seconds && plan.does !== "ack late") await sqs.clock.sleep(plan.seconds);
  const { delivery, run } = one;

  async function say(verb: string, call: () => Promise<unknown>): Promise<void> {
    const said: Said = {
      verb,
      late: delivery.signal.aborted,
      closed: run?.closed !== undefined,
      at: world.seconds(),
    };
    one.said.push(said);
    await call().then(() => said.done = true, (error) => said.error = error);
  }

  const ack = () => say("ack", () => delivery.ack());
  const release = (visibleAfter?: number) => say("release", () => delivery.release({ visibleAfter }));
  const verbs: Record<Handling["does"], () => Promise<unknown> | void> = {
    "ack": ack,
    "nothing": () => {},
    "reject": () => say("reject", () => delivery.reject()),
    "requeue": () => say("release", () => delivery.reject({ requeue: true })),
    "release": () => release(),
    "release later": () => release(4),
    "retry": () => say("retry", () => delivery.retry()),
    "leave": () => say("leave", () => delivery.leave()),
    "throw": () => {
      throw new OfTheUser("the handler fails");
    },
    "extend and ack": () => say("extend", () => delivery.extend(45)).then(ack),
    "ack twice": () => Promise.all([ack(), ack()]),
    "release and ack": () => Promise.all([release(), ack()]),
    "ack late": () => world.after(plan.seconds, ack),
    "ack after the end": () => void background.push(run ? run.deliveries.closed.then(ack) : ack()),
    "publish and ack": () =>
      publish(world.brokerOf(4), { n: world.number() }, { queue: world.queueOf(0) })
        .catch((error) => thrown.push(error)).then(ack),
    "stop and ack": () => {
      if (run) endOf.get(run)!();
      return ack();
    },
    "stream and ack": () => new Response(delivery.stream()).text().catch((error) => thrown.push(error)).then(ack),
  };
  const done = verbs[plan.does]();
  if (plan.waits) await done;
  else if (done) background.push(done);
}
