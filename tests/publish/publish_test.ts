import assert from "node:assert/strict";
import { connect } from "../../lib/connect.ts";
import { json } from "../../lib/codec/json.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { text } from "../../lib/codec/text.ts";
import {
  ConfigError,
  DoesNotExistQueueError,
  IntegrityError,
  PublishError,
  UndefinedExchangeError,
  UnroutableError,
} from "../../lib/errors.ts";
import type { PublishOptions } from "../../lib/publish/options.ts";
import { publish } from "../../lib/publish/publish.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import type { ConnectOptions } from "../../lib/types.ts";
import { setUp, topology } from "./setup.ts";

Deno.test("publish() sends one message to a queue, with one SendMessage", async () => {
  const { broker, sqs, events } = setUp();
  const result = await publish(broker, { id: 1 }, { queue: "orders" });
  const [message] = sqs.messages("orders");
  assert.deepEqual(result, {
    messageId: message.messageId,
    sent: [{ queue: "orders", messageId: message.messageId }],
  });
  assert.equal(sqs.requests.count("SendMessage"), 1);
  const news = events.find((event) => event.type === "publish");
  assert.deepEqual({ ...news, seconds: 0 }, { type: "publish", queue: "orders", count: 1, failed: 0, seconds: 0 });
});

Deno.test("publish() wants one of queue and exchange", async () => {
  const { broker, sqs } = setUp({ topology });
  const wrong: PublishOptions[] = [
    {},
    { routingKey: "a" },
    { queue: "orders", exchange: "news", routingKey: "a.b" },
    { queue: "orders", routingKey: "a" },
    { queue: "" },
    { exchange: "" },
  ];
  for (const options of wrong) await assert.rejects(publish(broker, 1, options), ConfigError, JSON.stringify(options));
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("publish() refuses an option that is unknown or of the wrong type, by its name, before a request", async () => {
  const { broker, sqs } = setUp();
  const wrong: Record<string, unknown> = {
    queue: 5,
    exchange: 5,
    routingKey: 5,
    headers: "x",
    properties: 5,
    messageAttributes: "abc",
    contentType: 5,
    contentEncoding: 5,
    traceparent: 5,
    codec: {},
    mandatory: "no",
    signal: 5,
    delay: 5,
    deduplicationID: "d",
  };
  for (const [name, value] of Object.entries(wrong)) {
    const options = { queue: "orders", [name]: value } as PublishOptions;
    await assert.rejects(publish(broker, 1, options), { name: "ConfigError", message: new RegExp(`'${name}[.']`) });
  }
  await assert.rejects(publish(broker, 1, undefined as unknown as PublishOptions), ConfigError);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("publish() names the queue in the envelope, also where it was called by its URL", async () => {
  const { sent, sqs } = setUp();
  const url = sqs.createQueue("orders");
  for (const options of [{ queue: "orders" }, { queue: url }, { exchange: "", routingKey: "orders" }]) {
    const { properties } = await sent(1, options);
    assert.deepEqual(properties!.delivery_info, { exchange: "", routing_key: "orders" });
  }
});

Deno.test("publish() gives headers and message attributes to every queue of an exchange", async () => {
  const { broker, inputs } = setUp({ topology });
  const { sent, messageId } = await publish(broker, "x", {
    exchange: "news",
    routingKey: "a.b",
    headers: { h: 1 },
    properties: { message_attributes: { own: { DataType: "String", StringValue: "v" } } },
    messageAttributes: { more: 7 },
  });
  assert.deepEqual(sent.map((part) => part.queue).sort(), ["audit", "orders"]);
  assert.ok(!sent.some((part) => part.messageId === messageId));
  assert.equal(inputs().length, 2);
  for (const input of inputs()) {
    assert.deepEqual(input.MessageAttributes, {
      own: { DataType: "String", StringValue: "v" },
      more: { DataType: "Number", StringValue: "7" },
    });
    const { headers, properties } = await kombu().decode({ body: input.MessageBody, messageAttributes: {} });
    assert.deepEqual(headers, { h: 1 });
    assert.equal(properties!.message_attributes, undefined);
    assert.deepEqual(properties!.delivery_info, { exchange: "news", routing_key: "a.b" });
  }
});

Deno.test("publish() writes with the codec of the options, the predefined queue, the broker, in this order", async () => {
  const urls = memorySqs();
  const url = urls.createQueue("orders");
  const { broker, inputs } = setUp({
    codec: json(),
    predefinedQueues: { orders: { url, codec: text() }, audit: { url: url.replace("orders", "audit") } },
  });
  await publish(broker, "x", { queue: "audit" });
  await publish(broker, "x", { queue: "orders" });
  await publish(broker, "x", { queue: "orders", codec: json() });
  assert.deepEqual(inputs().map(({ MessageBody }) => MessageBody), ['"x"', "x", '"x"']);
});

Deno.test("publish() says that a queue and an exchange are too much, and neither too little", async () => {
  const { broker } = setUp({ topology });
  const both = /'queue' as it must be given, or 'exchange' and 'routingKey', and not both: current value is "q"/;
  for (const more of [{ exchange: "mixed" }, { routingKey: "a" }, { exchange: "mixed", routingKey: "a" }]) {
    await assert.rejects(publish(broker, 1, { queue: "q", ...more } as never), { name: "ConfigError", message: both });
  }
  await assert.rejects(publish(broker, 1, {} as never), { name: "ConfigError", message: /'queue' as .*undefined/ });
});

Deno.test("publish() throws for a message without a route, and tells of it where it is not mandatory", async () => {
  const { broker, events, sqs } = setUp({ topology });
  const nowhere = { exchange: "mixed", routingKey: "no" };
  await assert.rejects(publish(broker, 1, nowhere), UnroutableError);
  await assert.rejects(publish(broker, 1, { exchange: "never", routingKey: "" }), UndefinedExchangeError);
  const { sent } = await publish(broker, 1, { ...nowhere, mandatory: false });
  assert.deepEqual(sent, []);
  assert.deepEqual(events, [{ type: "unroutable", exchange: "mixed", routingKey: "no", queue: undefined }]);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("publish() sends what has no route to the exchange's unroutable queue", async () => {
  const { broker, events, sqs } = setUp({ topology });
  const { sent } = await publish(broker, 1, { exchange: "lost", routingKey: "no" });
  assert.deepEqual(sent.map((part) => part.queue), ["audit"]);
  assert.deepEqual(events.filter((event) => event.type === "unroutable"), [
    { type: "unroutable", exchange: "lost", routingKey: "no", queue: "audit" },
  ]);
  assert.equal(sqs.messages("audit").length, 1);
});

Deno.test("publish() sends what has no route to the broker's unroutable queue, unless the exchange has its own", async () => {
  const { broker, events, sqs } = setUp({ topology, unroutableQueue: "orders" });
  const to = async (exchange: string) =>
    (await publish(broker, 1, { exchange, routingKey: "no", mandatory: false })).sent.map((part) => part.queue);
  assert.deepEqual(await to("mixed"), ["orders"]);
  assert.deepEqual(await to("lost"), ["audit"]);
  assert.deepEqual(
    events.filter((event) => event.type === "unroutable").map(({ exchange, queue }) => [exchange, queue]),
    [["mixed", "orders"], ["lost", "audit"]],
  );
  const [{ sent }] = await publishMany(broker, [{ body: 2 }], { exchange: "mixed", routingKey: "no" });
  assert.equal(sent[0].queue, "orders");
  assert.equal(sqs.messages("orders").length, 2);
});

Deno.test("publish() routes by a topology that was written down as JSON", async () => {
  const { broker } = setUp({ topology: JSON.parse(JSON.stringify(topology)) });
  const to = async (exchange: string, routingKey: string) =>
    (await publish(broker, 1, { exchange, routingKey })).sent.map((part) => part.queue);
  assert.deepEqual(await to("news", "a.b"), ["orders", "audit"]);
  assert.deepEqual(await to("lost", "no"), ["audit"]);
});

Deno.test("publish() throws the queue's own error for one queue, a PublishError with both lists for several", async () => {
  const { broker, sqs } = setUp({ topology }, ["audit"]);
  await assert.rejects(publish(broker, 1, { queue: "orders" }), DoesNotExistQueueError);
  await assert.rejects(publish(broker, 1, { exchange: "news", routingKey: "a.b" }), (error) => {
    assert.ok(error instanceof PublishError);
    assert.deepEqual(error.sent.map((part) => part.queue), ["audit"]);
    assert.deepEqual(error.failed.map((part) => [part.queue, part.error.name]), [["orders", "DoesNotExistQueueError"]]);
    return true;
  });
  assert.equal(sqs.messages("audit").length, 1);
});

Deno.test("publish() takes a delay of 0 to 900 whole seconds, for standard queues alone", async () => {
  const { broker, inputs, sqs } = setUp({ topology });
  for (const delaySeconds of [-1, 901, 0.5, NaN, "5" as unknown as number]) {
    await assert.rejects(publish(broker, 1, { queue: "orders", delaySeconds }), ConfigError);
  }
  await assert.rejects(publish(broker, 1, { queue: "jobs.fifo", delaySeconds: 1 }), /delaySeconds.*takes none/);
  await assert.rejects(publish(broker, 1, { exchange: "mixed", routingKey: "k", delaySeconds: 1 }), ConfigError);
  assert.equal(sqs.requests.count("SendMessage"), 0);
  for (const delaySeconds of [0, 900]) await publish(broker, 1, { queue: "orders", delaySeconds });
  assert.deepEqual(inputs().map(({ DelaySeconds }) => DelaySeconds), [0, 900]);
});

Deno.test("publish() takes kombu's delay from the properties, by kombu's rules", async () => {
  const rows: [Record<string, unknown>, number | undefined, number][] = [
    [{ delay_seconds: 5 }, 5, 0],
    [{ DelaySeconds: 6 }, 6, 0],
    [{ delay_seconds: null, DelaySeconds: 7 }, 7, 0],
    [{ delay_seconds: 8, DelaySeconds: 9 }, 8, 0],
    [{ delay_seconds: null }, undefined, 0],
    [{ delay_seconds: 0 }, 0, 0],
    [{ delay_seconds: 5.9 }, 5, 0],
    [{ delay_seconds: -0.9 }, 0, 0],
    [{ delay_seconds: "12" }, 12, 0],
    [{ delay_seconds: true }, 1, 0],
    [{ delay_seconds: "5.5" }, undefined, 1],
    [{ delay_seconds: "soon", DelaySeconds: 3 }, undefined, 1],
    [{ delay_seconds: -1 }, undefined, 1],
    [{ delay_seconds: NaN }, undefined, 1],
    [{ delay_seconds: Infinity }, undefined, 1],
    [{ delay_seconds: [] }, undefined, 1],
    [{ delay_seconds: 900 }, 900, 0],
    [{ delay_seconds: 901 }, 900, 1],
  ];
  for (const [properties, delay, count] of rows) {
    const { sent, warnings } = setUp();
    const { input } = await sent(1, { queue: "orders", properties });
    assert.deepEqual([input.DelaySeconds, warnings()], [delay, count], String(Object.values(properties)));
  }
  const { sent, warnings } = setUp();
  assert.equal((await sent(1, { queue: "jobs.fifo", properties: { delay_seconds: 5 } })).input.DelaySeconds, undefined);
  assert.equal(warnings(), 1);
  assert.equal(
    (await sent(1, { queue: "orders", delaySeconds: 1, properties: { delay_seconds: -5 } })).input.DelaySeconds,
    1,
  );
  assert.equal(warnings(), 1);
});

Deno.test("publish() gives FIFO queues kombu's group and a deduplication id of their own", async () => {
  const { sent, broker } = setUp();
  const one = (await sent(1, { queue: "jobs.fifo" })).input;
  const two = (await sent(1, { queue: "jobs.fifo" })).input;
  assert.equal(one.MessageGroupId, "default");
  assert.match(String(one.MessageDeduplicationId), /^[\da-f-]{36}$/);
  assert.notEqual(one.MessageDeduplicationId, two.MessageDeduplicationId);
  const properties = { MessageGroupId: "g", MessageDeduplicationId: "d" };
  const three = (await sent(1, { queue: "jobs.fifo", properties })).input;
  assert.deepEqual([three.MessageGroupId, three.MessageDeduplicationId], ["g", "d"]);
  const four = (await sent(1, { queue: "jobs.fifo", properties, groupId: "h", deduplicationId: "e" })).input;
  assert.deepEqual([four.MessageGroupId, four.MessageDeduplicationId], ["h", "e"]);
  const { sequenceNumber } = (await publish(broker, 1, { queue: "jobs.fifo" })).sent[0];
  assert.match(sequenceNumber!, /^\d{20}$/);
});

Deno.test("publish() takes a group on any queue, of up to 128 of SQS's characters", async () => {
  const { sent, broker } = setUp();
  assert.equal((await sent(1, { queue: "orders" })).input.MessageGroupId, undefined);
  const groupId = "!~" + "x".repeat(126);
  const { input } = await sent(1, { queue: "orders", groupId });
  assert.deepEqual([input.MessageGroupId, input.MessageDeduplicationId], [groupId, undefined]);
  assert.equal((await sent(1, { queue: "orders", properties: { MessageGroupId: "f" } })).input.MessageGroupId, "f");
  for (const groupId of ["", "a b", "é", "x".repeat(129), 5 as unknown as string]) {
    await assert.rejects(publish(broker, 1, { queue: "orders", groupId }), /'groupId'/);
  }
  await assert.rejects(publish(broker, 1, { queue: "orders", deduplicationId: "d" }), /'deduplicationId'.*no FIFO/);
});

Deno.test("publish() sends the same deduplication id on every try", async () => {
  const { broker, sqs, inputs } = setUp();
  sqs.setFaults(({ action, attempt }) => action === "SendMessage" && attempt < 3 ? { type: "lost-answer" } : undefined);
  await sqs.clock.run(() => publish(broker, 1, { queue: "jobs.fifo" }));
  assert.equal(new Set(inputs().map((input) => input.MessageDeduplicationId)).size, 1);
  assert.equal(inputs().length, 3);
  assert.equal(sqs.messages("jobs.fifo").length, 1);
});

Deno.test("publish() writes expiration and traceparent as kombu and W3C do", async () => {
  const { sent, broker } = setUp();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { properties, headers, input } = await sent(1, {
    queue: "orders",
    expiration: 1.5,
    traceparent,
    headers: { a: 1 },
  });
  assert.equal(properties!.expiration, "1500");
  assert.deepEqual(headers, { a: 1, traceparent });
  assert.equal(input.MessageSystemAttributes, undefined);
  for (const expiration of [-1, NaN, Infinity]) {
    await assert.rejects(publish(broker, 1, { queue: "orders", expiration }), /'expiration'/);
  }
});

Deno.test("publish() refuses what SQS would, before a request", async () => {
  const { broker, sqs } = setUp({ codec: text() });
  const refused: [string, PublishOptions["messageAttributes"], RegExp][] = [
    ["", undefined, /body/],
    ["a\0b", undefined, /U\+0/],
    ["\uffff", undefined, /U\+FFFF/i],
    ["x".repeat(1_048_577), undefined, /1048577 bytes.*payloads/],
    ["é".repeat(524_288), { a: "b" }, /payloads/],
    ["x", Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, i])), /messageAttributes/],
    ["x", { a: {} as unknown as string }, /messageAttributes\.a/],
  ];
  for (const [body, messageAttributes, wanted] of refused) {
    await assert.rejects(publish(broker, body, { queue: "orders", messageAttributes }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, wanted);
      return true;
    });
  }
  assert.equal(sqs.requests.count("SendMessage"), 0);
  await publish(broker, "x".repeat(1_048_576), { queue: "orders" });
});

/** Answers with a checksum that is wrong. */
function damaged(sqs: ReturnType<typeof memorySqs>, field: string): ConnectOptions["http"] {
  return {
    async fetch(request, init) {
      const response = await sqs.fetch(request, init);
      const body = (await response.text()).replace(
        new RegExp(`("${field}":")[^"]+`),
        "$1d41d8cd98f00b204e9800998ecf8427e",
      );
      return new Response(body, response);
    },
  };
}

for (const field of ["MD5OfMessageBody", "MD5OfMessageAttributes"]) {
  Deno.test(`publish() compares ${field} unless checkMd5 is false`, async () => {
    const sqs = memorySqs();
    sqs.createQueue("orders");
    const options = { ...sqs.connectOptions, http: damaged(sqs, field) };
    const message = { queue: "orders", messageAttributes: { a: 1 } };
    await assert.rejects(publish(connect(options), 1, message), IntegrityError);
    await publish(connect({ ...options, checkMd5: false }), 1, message);
  });
}

Deno.test("publish() ends with the signal's reason", async () => {
  const { broker, sqs } = setUp();
  const aborted = AbortSignal.abort(new Error("enough"));
  await assert.rejects(publish(broker, 1, { queue: "orders", signal: aborted }), /enough/);
  assert.equal(sqs.requests.count(), 0);
  const controller = new AbortController();
  sqs.setFaults(({ action }) => {
    if (action !== "SendMessage") return undefined;
    controller.abort(new Error("enough"));
    return { type: "slow", seconds: Infinity };
  });
  await assert.rejects(publish(broker, 1, { queue: "orders", signal: controller.signal }), /enough/);
});

for (const [name, thrown] of Object.entries({ "has no text": Object.create(null), "is a symbol": Symbol("odd") })) {
  Deno.test(`publishMany() gives an error where what a codec throws ${name}`, async () => {
    const { broker } = setUp();
    const encode = [() => Promise.reject(thrown), () => {
      throw thrown;
    }];
    for (const one of encode) {
      const messages = [{ body: 1, codec: { ...json(), encode: one } }, { body: 2 }];
      const [odd, good] = await publishMany(broker, messages, { queue: "orders" });
      assert.equal(odd.error?.name, "DashiError");
      assert.equal(good.error, undefined);
    }
  });
}
