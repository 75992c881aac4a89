import assert from "node:assert/strict";
import { ConfigError } from "../../lib/errors.ts";
import { publish } from "../../lib/publish/publish.ts";
import { memoryFanout, numbered, setUp, setUpAll, topology } from "./setup.ts";
import type { Fanout } from "../../lib/types.ts";

Deno.test("publish() sends to a fanout exchange's topic, without delay and without outer base64", async () => {
  const { fanout, messages } = memoryFanout();
  const { broker, warnings } = setUp({ topology, fanout });
  const options = { exchange: "loud", routingKey: "" };
  const { sent, messageId } = await publish(broker, { a: 1 }, { ...options, messageAttributes: { n: 1 } });
  assert.deepEqual(sent, [{ topic: "arn:aws:sns:us-east-1:1:loud", messageId: "m0" }]);
  assert.equal(messageId, "m0");
  assert.equal(JSON.parse(messages[0].body).properties.delivery_info.exchange, "loud");
  assert.deepEqual(messages[0].messageAttributes, { n: { DataType: "Number", StringValue: "1" } });
  await assert.rejects(publish(broker, 1, { ...options, delaySeconds: 1 }), ConfigError);
  await publish(broker, 1, { ...options, properties: { delay_seconds: 5 } });
  assert.equal(warnings(), 1);
  await assert.rejects(publish(setUp({ topology }).broker, 1, options), /'fanout'/);
});

Deno.test("publishAll() hands a topic its messages in batches", async () => {
  const batches: number[] = [];
  const fanout: Partial<Fanout> = {
    declare: (_broker, exchange) => Promise.resolve(`arn:aws:sns:us-east-1:1:${exchange}`),
    publish(_broker, exchange, messages) {
      batches.push(messages.length);
      return Promise.resolve(
        messages.map(({ body }, i) => body === "3" ? new Error("bad") : { topic: exchange, messageId: `m${i}` }),
      );
    },
  };
  const topology = { exchanges: { loud: { type: "fanout" } }, bindings: [] } as const;
  const { many } = setUpAll({ topology, fanout: fanout as Fanout });
  const results = await many(numbered(12), { queue: undefined, exchange: "loud" });
  assert.deepEqual(batches, [10, 2]);
  assert.deepEqual(results.filter(({ error }) => error).map(({ error }) => error!.message), ["bad"]);
  assert.deepEqual(results[0].sent, [{ topic: "loud", messageId: "m0" }]);
});

Deno.test("publishAll() keeps the order of groups in a topic whose ARN alone tells that it is FIFO", async () => {
  let busy = 0;
  const sent: string[] = [];
  const fanout: Partial<Fanout> = {
    declare: () => Promise.resolve("arn:aws:sns:us-east-1:1:theirs.fifo"),
    async publish(_broker, topic, messages) {
      assert.equal(++busy, 1, "one request at a time for one group");
      assert.equal(messages.length, 1);
      assert.deepEqual(messages.map(({ groupId }) => groupId), ["default"]);
      await Promise.resolve();
      busy--;
      sent.push(...messages.map(({ body }) => body));
      return messages.map((_, i) => ({ topic, messageId: `m${i}` }));
    },
  };
  const topology = { exchanges: { loud: { type: "fanout" } }, bindings: [] } as const;
  const { many } = setUpAll({ topology, fanout: fanout as Fanout });
  const results = await many(numbered(30), { queue: undefined, exchange: "loud" });
  assert.deepEqual(results.map(({ error }) => error), Array(30).fill(undefined));
  assert.deepEqual(sent, numbered(30).map(({ body }) => body));
});
