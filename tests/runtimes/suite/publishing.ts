import { collect, equal, ok, rejects, setUp, type Suite } from "./support.ts";

/** Messages on their way in. */
export const publishing: Suite = {
  "publish() sends attributes, headers and a delay": async (context) => {
    const { consume, publish, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context, { fetchAttributes: { message: ["All"] } });
    const messageAttributes = { dish: "ramen", bowls: 2, raw: new Uint8Array([1, 2]) };
    const headers = { table: 4 };
    const { messageId, sent } = await publish(broker, { id: 1 }, { queue, messageAttributes, headers });
    equal(sent, [{ queue, messageId }]);
    for await (const delivery of consume(broker, queue, { maxMessages: 1 })) {
      equal(delivery.messageId, messageId);
      equal(delivery.headers, headers);
      equal({ ...delivery.messageAttributes }, messageAttributes);
      await delivery.ack();
    }
    await publish(broker, "later", { queue, delaySeconds: 900 });
    equal((await queueSize(broker, queue)).delayed, 1);
  },

  "publishAll() fills batches and keeps the order of its results": async (context) => {
    const { publishAll, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    const before = broker.requests;
    const messages = Array.from({ length: 57 }, (_, id) => ({ body: { id } }));
    const results = await collect(publishAll(broker, messages, { queue }));
    equal(results.filter(({ error }) => error).length, 0);
    equal(new Set(results.map(({ messageId }) => messageId)).size, 57);
    equal((await queueSize(broker, queue)).visible, 57);
    equal(broker.requests - before, 7);
  },

  "publishMany() reports a message that is too large beside those that were sent": async (context) => {
    const { publishMany } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    const bodies = [{ body: "a" }, { body: "x".repeat(1_048_577) }, { body: "c" }];
    const results = await publishMany(broker, bodies, { queue });
    equal(results.map(({ error }) => error?.name ?? "sent"), ["sent", "ConfigError", "sent"]);
  },

  "exchanges route by topic": async (context) => {
    const { bind, declareExchange, publish } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    const exchange = context.unique("exchange");
    await declareExchange(broker, exchange, { type: "topic" });
    await bind(broker, queue, { exchange, routingKey: "eu.#" });
    const { sent } = await publish(broker, "3:2", { exchange, routingKey: "eu.sports" });
    equal(sent.map((part) => part.queue), [queue]);
    await rejects(() => publish(broker, "3:2", { exchange, routingKey: "us.sports" }), "UnroutableError");
  },

  "a missing queue is an error with AWS's name": async (context) => {
    const { connect, publish } = context.library.sqs;
    const broker = connect(context.connectOptions);
    const queue = context.unique("missing");
    const error = await rejects(() => publish(broker, "a", { queue }), "DoesNotExistQueueError");
    ok(error.code === "ERR_DASHI_DOES_NOT_EXIST_QUEUE");
  },
};
