import assert from "node:assert/strict";
import { connect, consume, get, json, publish, send } from "@dashi/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { createQueue } from "@dashi/sqs/sqs";
import { startServer } from "../support/fauxqs.ts";

const PART = 5 * 2 ** 20;

Deno.test("s3Payloads() carries texts and streams over HTTP through a real server, and leaves no object", async () => {
  await using server = await startServer();
  await server.createBucket("letters");
  let number = 0;
  const payloads = s3Payloads({ bucket: "letters", prefix: "a b+c/", key: () => `ü%/${++number}` });
  const broker = connect({ ...server.options, payloads });
  await send(broker, createQueue({ queueName: "jobs" }));
  const large = "Grüße ".repeat(60_000);
  await publish(broker, large, { queue: "jobs" });
  await publish(broker, "small", { queue: "jobs" });
  const bodies: unknown[] = [];
  {
    await using deliveries = consume(broker, "jobs", { untilEmpty: true, waitTimeSeconds: 0 });
    for await (const delivery of deliveries) {
      bodies.push(delivery.body);
      await delivery.ack();
    }
  }
  assert.deepEqual(bodies.sort(), [large, "small"].sort());
  const stream = new Blob([new Uint8Array(PART + 1).fill(7)]).stream();
  await publish(broker, stream, { queue: "jobs" });
  {
    await using deliveries = consume(broker, "jobs", { untilEmpty: true, waitTimeSeconds: 0, payloads: "lazy" });
    for await (const delivery of deliveries) {
      assert.equal((await new Response(delivery.stream()).bytes()).length, PART + 1);
      await delivery.ack();
    }
  }
  const list = await (await fetch(`${server.endpoint}/letters?list-type=2`)).text();
  assert.match(list, /<ListBucketResult/);
  assert.doesNotMatch(list, /<Key>/);
  assert.equal(number, 2);
});

Deno.test("a message that is sent on with its headers has a payload of its own, whatever key its sender chose", async () => {
  await using server = await startServer();
  await server.createBucket("letters");
  const payloads = s3Payloads({ bucket: "letters", threshold: 10 });
  const broker = connect({ ...server.options, payloads, codec: json() });
  for (const queueName of ["first", "second"]) await send(broker, createQueue({ queueName }));
  // As the Extended Client for Python leaves it in the message.
  await publish(broker, "a body for S3", { queue: "first", messageAttributes: { S3Key: "orders/1" } });
  const options = { maxMessages: 1, maxSeconds: 30, waitTimeSeconds: 1 };
  const first = consume(broker, "first", options);
  for await (const delivery of first) {
    await publish(broker, delivery.body, { queue: "second", headers: delivery.headers });
    await delivery.ack();
  }
  await first.closed; // its payload is removed
  const bodies: unknown[] = [];
  const second = consume(broker, "second", options);
  for await (const delivery of second) {
    bodies.push(delivery.body);
    await delivery.ack();
  }
  await second.closed;
  assert.deepEqual(bodies, ["a body for S3"]);
});

Deno.test("attributes asked for by name are read from an emulator whose checksum is over all that a message has", async () => {
  await using server = await startServer();
  await server.createBucket("letters");
  const options = { ...server.options, waitTimeSeconds: 0 };
  const large = connect({ ...options, payloads: s3Payloads({ bucket: "letters", threshold: 100 }) });
  await send(large, createQueue({ queueName: "jobs" }));
  await publish(large, "soup ".repeat(99), { queue: "jobs", messageAttributes: { bowls: 2 } });
  const stored = await get(large, "jobs");
  assert.equal(stored?.body, "soup ".repeat(99));
  await stored.ack();
  const named = connect({ ...options, fetchAttributes: { message: ["bowls"] } });
  await publish(named, "soup", { queue: "jobs", messageAttributes: { bowls: 2, spoons: 3 } });
  const delivery = await get(named, "jobs");
  assert.deepEqual([delivery?.body, delivery?.messageAttributes], ["soup", { bowls: 2 }]);
});
