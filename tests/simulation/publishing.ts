/**
 * The publishers of a program, and those who do something else.
 *
 * @module
 */
import {
  deleteQueue,
  get,
  publish,
  publishAll,
  publishMany,
  type PublishResult,
  purgeQueue,
  queueSize,
  redrive,
} from "@dashi/sqs";
import { handle, note } from "./handling.ts";
import type { OtherPlan, PublisherPlan } from "./program.ts";
import { deadOf } from "./queues.ts";
import { abortingAfter, type World } from "./world.ts";

/** Publishes as planned. */
export async function publishing(world: World, plan: PublisherPlan): Promise<void> {
  const { published, counted, thrown } = world;
  const broker = world.brokerOf(plan.broker);
  const queue = world.queueOf(plan.queue);
  const fifo = queue.endsWith(".fifo");
  const signal = abortingAfter(world, plan.abortAfter);
  const inputs = plan.messages.map(({ size, group, delay, expiration, deduplication, bad }) => ({
    body: { n: world.number(), ...(bad && { bad }), ...(size && { pad: "x".repeat(size) }) },
    expiration: expiration ?? undefined,
    ...(fifo
      ? { groupId: `g${group}`, deduplicationId: deduplication ? `d${deduplication}` : undefined }
      : { delaySeconds: delay ?? undefined }),
  }));
  if (plan.does === "publish") {
    for (const { body, ...options } of inputs) {
      const result = await publish(broker, body, { queue, signal, ...options }).catch(
        (error) => void thrown.push(error),
      );
      published.push({ n: body.n, queue, result: result ?? undefined });
    }
    return;
  }
  const { concurrency, batchGroups } = plan;
  const options = { queue, signal, concurrency, batchGroups };
  const results: PublishResult[] = [];
  if (plan.does === "publishMany") {
    results.push(...await publishMany(broker, inputs, options));
  } else {
    for await (const result of publishAll(broker, inputs, options)) {
      results.push(result);
      if (results.length === plan.breakAfter) break;
    }
  }
  results.forEach((result, index) => published.push({ n: inputs[index].body.n, queue, result }));
  if (results.length !== plan.breakAfter || plan.does === "publishMany") {
    counted.push({ inputs: inputs.length, results: results.length });
  }
}

/** Does something else with a queue. */
export async function doing(world: World, plan: OtherPlan): Promise<void> {
  const { sqs, thrown } = world;
  const broker = world.brokerOf(plan.broker);
  const queue = world.queueOf(plan.queue);
  const signal = abortingAfter(world, plan.abortAfter);
  switch (plan.does) {
    case "get": {
      const delivery = await get(broker, queue, { waitTimeSeconds: plan.wait, signal });
      if (!delivery) return;
      return await handle(world, note(world, delivery), plan.handling).catch((error) => void thrown.push(error));
    }
    case "size":
      return void await queueSize(broker, queue, { signal });
    case "poison": {
      if (!sqs.queueNames.includes(queue)) return;
      const options = queue.endsWith(".fifo") ? { groupId: "g0", deduplicationId: crypto.randomUUID() } : {};
      return void await sqs.sendMessage(queue, `{"n":${world.number()}`, options);
    }
    case "purge":
      return void await purgeQueue(broker, queue, { signal });
    case "delete":
      return void await deleteQueue(broker, queue, { signal });
    case "redrive":
      return void await redrive(broker, deadOf(queue), { signal });
  }
}
