import { equal, ok, setUp, type Suite } from "./support.ts";

/** Messages on their way out. */
export const consuming: Suite = {
  "consume() hands out and acks in batches": async (context) => {
    const { consume, publishMany, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publishMany(broker, Array.from({ length: 25 }, (_, id) => ({ body: { id } })), { queue });
    const bodies = new Set<number>();
    const deliveries = consume(broker, queue, { prefetch: 30, maxMessages: 25 });
    const acks: Promise<void>[] = [];
    for await (const delivery of deliveries) {
      bodies.add((delivery.body as { id: number }).id);
      acks.push(delivery.ack());
    }
    await Promise.all(acks);
    await deliveries.closed;
    equal(bodies.size, 25);
    const { visible, inFlight } = await queueSize(broker, queue);
    equal([visible, inFlight], [0, 0]);
    ok(deliveries.requests < 25, `${deliveries.requests} requests for 25 messages`);
  },

  "a released message comes again": async (context) => {
    const { consume, publish } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publish(broker, "a", { queue });
    const counts: number[] = [];
    for await (const delivery of consume(broker, queue, { maxMessages: 2 })) {
      counts.push(delivery.receiveCount);
      if (counts.length === 1) await delivery.release();
      else await delivery.ack();
    }
    equal(counts, [1, 2]);
  },

  "break gives back what was not handed out": async (context) => {
    const { consume, publishMany, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publishMany(broker, Array.from({ length: 10 }, (_, id) => ({ body: id })), { queue });
    const deliveries = consume(broker, queue);
    for await (const delivery of deliveries) {
      await delivery.ack();
      break;
    }
    await deliveries.closed;
    const { visible, inFlight } = await queueSize(broker, queue);
    equal([visible, inFlight], [9, 0]);
  },

  "forEach() runs handlers side by side and keeps what failed": async (context) => {
    const { consume, forEach, publishMany, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publishMany(broker, Array.from({ length: 20 }, (_, id) => ({ body: id })), { queue });
    const counts = await forEach(consume(broker, queue, { prefetch: 20, maxMessages: 20 }), ({ body }) => {
      if (body === 7) throw new Error("burnt");
    });
    equal(counts, { acked: 19, released: 1, rejected: 0 });
    equal((await queueSize(broker, queue)).inFlight, 1);
  },

  "a heartbeat keeps a message longer than its visibility timeout": async (context) => {
    const { consume, publish, queueSize } = context.library.sqs;
    let beats = 0;
    let beaten = () => {};
    const twice = new Promise<void>((resolve) => beaten = resolve);
    const { broker, queue } = await setUp(context, {
      onEvent: (event) => {
        if (event.type === "request" && /Visibility/.test(event.action) && ++beats === 2) beaten();
      },
    }, { VisibilityTimeout: 4 });
    await publish(broker, "slow soup", { queue });
    for await (const delivery of consume(broker, queue, { maxMessages: 1 })) {
      await twice;
      ok(!delivery.signal.aborted, "the message was lost");
      await delivery.ack();
    }
    const { visible, inFlight } = await queueSize(broker, queue);
    equal([visible, inFlight], [0, 0]);
  },

  "an hour of heartbeats passes on a virtual clock": async ({ library: { sqs, testing } }) => {
    const memory = testing.memorySqs();
    memory.createQueue("orders", { VisibilityTimeout: 60 });
    const broker = sqs.connect(memory.connectOptions);
    await memory.clock.run(async () => {
      await sqs.publish(broker, "a", { queue: "orders" });
      for await (const delivery of sqs.consume(broker, "orders", { maxMessages: 1 })) {
        await memory.clock.sleep(3600);
        ok(!delivery.signal.aborted, "the message was lost");
        await delivery.ack();
      }
    });
    equal(memory.messages("orders").length, 0);
  },

  "a FIFO group keeps its order": async (context) => {
    const { connect, consume, declareQueue, publishMany } = context.library.sqs;
    const broker = connect(context.connectOptions);
    const queue = `${context.unique("group")}.fifo`;
    await declareQueue(broker, queue);
    const messages = Array.from({ length: 12 }, (_, id) => ({ body: id, groupId: "table-4" }));
    await publishMany(broker, messages, { queue });
    const bodies: unknown[] = [];
    for await (const delivery of consume(broker, queue, { maxMessages: 12, prefetch: 3 })) {
      bodies.push(delivery.body);
      await delivery.ack();
    }
    equal(bodies, messages.map(({ body }) => body));
  },
};
