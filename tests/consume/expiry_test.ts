import assert from "node:assert/strict";
import { connect, consume, kombu, publish } from "@dashi/sqs";
import { wrongClock } from "../support/wrong_clock.ts";
import { setUp } from "./setup.ts";

Deno.test("a message past its expiration is deleted, with an event", async () => {
  const test = setUp({ connect: { codec: kombu() } });
  await test.run(async () => {
    await publish(test.broker, "late", { queue: "q", expiration: 30 });
    await publish(test.broker, "in time", { queue: "q", expiration: 90 });
    await publish(test.broker, "for ever", { queue: "q" });
    await test.clock.sleep(60);
    const deliveries = consume(test.broker, "q", { maxSeconds: 1 });
    const bodies: unknown[] = [];
    for await (const delivery of deliveries) {
      bodies.push(delivery.body);
      await delivery.ack();
    }
    assert.deepEqual(bodies.toSorted(), ["for ever", "in time"]);
    await deliveries.closed;
  });
  assert.deepEqual(test.of("drop").map(({ reason }) => reason), ["expired"]);
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("dropExpired: false hands it over", async () => {
  const test = setUp({ connect: { codec: kombu() } });
  await test.run(async () => {
    await publish(test.broker, "late", { queue: "q", expiration: 30 });
    await test.clock.sleep(60);
    const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1, dropExpired: false }));
    assert.equal(delivery.properties.expiration, "30000");
    await delivery.ack();
  });
});

Deno.test("an expiration that is no number is none", async () => {
  // An object with such a key can't be made a number: to try would end the iteration, at each receive again.
  for (const expiration of ["soon", "", "  ", null, {}, { toString: 1 }, [{ toString: 1 }], [], false]) {
    const test = setUp({ connect: { codec: kombu() } });
    const envelope = { body: "x", headers: {}, "content-type": "text/plain", properties: { expiration } };
    await test.sqs.sendMessage("q", btoa(JSON.stringify(envelope)));
    await test.run(async () => {
      await test.clock.sleep(60);
      const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1 }));
      await delivery.ack();
    });
    assert.equal(test.of("drop").length, 0);
  }
});

Deno.test("SQS's clock says whether it is late, not ours", async () => {
  const test = setUp({ connect: { codec: kombu() } });
  const { clock } = test;
  // Our clock is a quarter of an hour ahead, and SQS refuses the first signature for it.
  const broker = connect({
    ...test.sqs.connectOptions,
    clock: wrongClock(clock, () => 900_000),
    onEvent: (event) => test.events.push(event),
    http: {
      fetch(request) {
        const signed = request.headers.get("x-amz-date")!;
        const at = Date.parse(signed.replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
        const skewed = Math.abs(at - +clock.now()) > 300_000;
        const fault = { __type: "com.amazon.coral.service#RequestTimeTooSkewed", message: "too skewed" };
        const headers = { date: clock.now().toUTCString() };
        return skewed ? Promise.resolve(Response.json(fault, { status: 403, headers })) : test.sqs.fetch(request);
      },
    },
  });
  await test.run(async () => {
    await publish(broker, "in time", { queue: "q", expiration: 60 });
    const deliveries = consume(broker, "q", { maxMessages: 1 });
    const [delivery] = await Array.fromAsync(deliveries);
    await delivery.ack();
    await deliveries.closed;
  });
  assert.equal(test.of("drop").length, 0);
  assert.ok(Math.abs(test.of("handover")[0].age!) < 2, "and how old it is");
});
