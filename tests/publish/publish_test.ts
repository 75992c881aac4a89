import assert from "node:assert/strict";
import { connect } from "../../lib/connect.ts";
import { json } from "../../lib/codec/json.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { text } from "../../lib/codec/text.ts";
import {
  AwsError,
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
import type { Broker, ConnectOptions, DashiEvent, Fanout, FanoutMessage, PayloadStore } from "../../lib/types.ts";
import { memoryStore } from "./memory_store.ts";

type Sent = Record<string, unknown> & { MessageBody: string };

function setUp(options: ConnectOptions = {}, queues = ["orders", "audit", "jobs.fifo"]) {
  const sqs = memorySqs();
  for (const name of queues) sqs.createQueue(name, name.endsWith(".fifo") ? { FifoQueue: true } : {});
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, onEvent: (event) => events.push(event), ...options });
  const inputs = (action = "SendMessage") =>
    sqs.requests.list.filter((request) => request.action === action).map(({ input }) => input as Sent);
  return {
    sqs,
    broker,
    events,
    inputs,
    /** The fields and the envelope of the only message that was sent. */
    async sent(body: unknown, options: PublishOptions) {
      await publish(broker, body, options);
      const input = inputs().at(-1)!;
      const decoded = await kombu().decode({ body: input.MessageBody, messageAttributes: {} });
      return { input, ...decoded };
    },
    warnings: () => events.filter((event) => event.type === "warning").length,
  };
}

const topology = {
  exchanges: {
    news: { type: "topic" },
    lost: { type: "direct", unroutableQueue: "audit" },
    mixed: { type: "direct" },
    loud: { type: "fanout" },
  },
  bindings: [
    { exchange: "news", queue: "orders", routingKey: "#" },
    { exchange: "news", queue: "audit", routingKey: "*.b" },
    { exchange: "mixed", queue: "orders", routingKey: "k" },
    { exchange: "mixed", queue: "jobs.fifo", routingKey: "k" },
  ],
} as const;

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

Deno.test("publish() stores bodies above the threshold, attributes counted, and sends the pointer", async () => {
  const { store, objects } = memoryStore({ threshold: 10 });
  const { broker, inputs } = setUp({ codec: text(), payloads: store });
  assert.equal((await publish(broker, "1234567890", { queue: "orders" })).payload, undefined);
  const result = await publish(broker, "1234", { queue: "orders", messageAttributes: { a: "b" } });
  assert.deepEqual(result.payload, { bucket: "b", key: "k0" });
  const { body, shared, queue, size } = objects.get("k0")!;
  assert.deepEqual({ body, shared, queue, size }, { body: "1234", shared: false, queue: "orders", size: 12 });
  assert.equal(inputs()[1].MessageBody, "pointer k0");
  assert.deepEqual(Object.keys(inputs()[1].MessageAttributes as object), ["a", "ExtendedPayloadSize"]);
  const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, i]));
  await assert.rejects(publish(broker, "x".repeat(20), { queue: "orders", messageAttributes: ten }), ConfigError);
  assert.equal(objects.size, 1);
});

Deno.test("publish() tells the payload store the attributes, of which S3Key chooses the key", async () => {
  const { store } = memoryStore({ threshold: 0 });
  const told: unknown[] = [];
  const offload: PayloadStore["offload"] = (body, about, context) => {
    told.push(about.messageAttributes);
    return store.offload(body, about, context);
  };
  const { broker } = setUp({ codec: text(), topology, payloads: { ...store, offload } });
  await publish(broker, "1234", { queue: "orders", messageAttributes: { S3Key: "mine" } });
  assert.deepEqual(told.splice(0), [{ S3Key: { DataType: "String", StringValue: "mine" } }]);
  // Of two queues, an ack in one would delete what the other one's message points to.
  await publish(broker, "1234", { exchange: "news", routingKey: "a.b", messageAttributes: { S3Key: "mine" } });
  assert.deepEqual(told, [undefined, undefined]);
});

Deno.test("publish() sends no empty attributes, with a store that adds none either", async () => {
  const { store } = memoryStore({ threshold: 10 });
  const told: unknown[] = [];
  const offload: PayloadStore["offload"] = async (body, about, context) => {
    told.push(about.messageAttributes);
    return { ...await store.offload(body, about, context), messageAttributes: {} };
  };
  const { broker, inputs } = setUp({ codec: text(), payloads: { ...store, offload } });
  await publish(broker, "1", { queue: "orders" });
  await publish(broker, "x".repeat(11), { queue: "orders" });
  assert.deepEqual(inputs().map((input) => "MessageAttributes" in input), [false, false]);
  assert.deepEqual(told, [{}]);
});

Deno.test("publish() stores every body with always, also one that SQS would refuse", async () => {
  const { store, objects } = memoryStore({ threshold: 1e6, always: true });
  const { broker } = setUp({ codec: text(), payloads: store });
  await publish(broker, "\0", { queue: "orders" });
  assert.equal(objects.get("k0")!.body, "\0");
});

Deno.test("publish() stores one object for each queue of an exchange", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker } = setUp({ topology, payloads: store });
  const { payload, sent } = await publish(broker, 1, { exchange: "news", routingKey: "a.b" });
  assert.deepEqual([...objects.values()].map(({ queue, shared }) => [queue, shared]), [["orders", false], [
    "audit",
    false,
  ]]);
  assert.deepEqual(sent.map((part) => part.payload?.key), ["k0", "k1"]);
  assert.equal(payload!.key, "k0");
});

Deno.test("publish() deletes what it stored if the send fails", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker, sqs } = setUp({ payloads: store });
  sqs.setFaults(({ action }) =>
    action === "SendMessage" ? { type: "error", code: "InternalError", status: 500 } : undefined
  );
  await assert.rejects(sqs.clock.run(() => publish(broker, 1, { queue: "orders" })), AwsError);
  assert.equal(objects.size, 0);
});

Deno.test("publish() keeps what it stored if the message may be there all the same", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker, sqs } = setUp({ payloads: store });
  sqs.setFaults(({ action }) => action === "SendMessage" ? { type: "lost-answer" } : undefined);
  await assert.rejects(sqs.clock.run(() => publish(broker, 1, { queue: "orders" })), AwsError);
  assert.ok(sqs.messages("orders").length > 0);
  assert.equal(objects.size, 1);
});

Deno.test("publish() keeps what it stored if a try before the last one may have sent the message", async () => {
  for (const [code, tries] of [["RequestThrottled", 3], ["AccessDenied", 2]] as const) {
    const { store, objects } = memoryStore({ threshold: 0 });
    const { broker, sqs } = setUp({ payloads: store });
    sqs.setFaults(({ action, attempt }) =>
      action === "SendMessage" ? attempt === 1 ? { type: "lost-answer" } : { type: "error", code } : undefined
    );
    await assert.rejects(
      sqs.clock.run(() => publish(broker, 1, { queue: "orders" })),
      (error) => error instanceof AwsError && error.awsCode === code && error.cause instanceof AwsError,
    );
    assert.equal(sqs.requests.count("SendMessage"), tries);
    assert.deepEqual(sqs.messages("orders").map(({ body }) => body), ["pointer k0"]);
    assert.deepEqual([...objects.keys()], ["k0"]);
  }
});

Deno.test("publish() stores a stream as it is, for each queue, and wants payloads for it", async () => {
  const stream = () => new Blob(["bytes"]).stream();
  const bare = setUp();
  const unread = stream();
  for (
    const more of [
      { headers: { a: 1 } },
      { expiration: 5 },
      { contentType: "image/png" },
      { contentEncoding: "gzip" },
      { traceparent: "00-1-2-00" },
    ]
  ) {
    const [name] = Object.keys(more);
    await assert.rejects(
      publish(bare.broker, unread, { queue: "orders", ...more }),
      (error) => error instanceof ConfigError && error.message.includes(`'${name}' as it must be left out`),
    );
  }
  const read = stream();
  read.getReader();
  await assert.rejects(publish(bare.broker, read, { queue: "orders" }), ConfigError);
  await assert.rejects(publish(bare.broker, unread, { queue: "orders" }), /stream.*payloads/);
  assert.equal(unread.locked, false);
  await unread.cancel();
  const { store, objects } = memoryStore();
  const { broker, inputs } = setUp({ topology, payloads: store });
  await publish(broker, stream(), { exchange: "news", routingKey: "a.b" });
  assert.deepEqual([...objects.values()].map(({ body, size }) => [body, size]), [["bytes", undefined], [
    "bytes",
    undefined,
  ]]);
  assert.deepEqual(inputs().map(({ MessageBody }) => MessageBody).sort(), ["pointer k0", "pointer k1"]);
});

function memoryFanout(limit = 262_144) {
  const messages: FanoutMessage[] = [];
  const fanout: Partial<Fanout> = {
    declare: (_broker, exchange) => Promise.resolve(`arn:aws:sns:us-east-1:1:${exchange}`),
    limit: () => Promise.resolve(limit),
    publish: (_broker: Broker, exchange, batch) => {
      messages.push(...batch);
      return Promise.resolve(
        batch.map((_, i) => ({ topic: `arn:aws:sns:us-east-1:1:${exchange}`, messageId: `m${i}` })),
      );
    },
  };
  return { fanout: fanout as Fanout, messages };
}

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

Deno.test("publish() stores by the topic's limit, once for all receivers", async () => {
  const { fanout } = memoryFanout(100);
  const { store, objects } = memoryStore();
  const { broker } = setUp({ topology, fanout, payloads: store, codec: text() });
  await publish(broker, "x".repeat(100), { exchange: "loud" });
  assert.equal(objects.size, 0);
  await publish(broker, "x".repeat(101), { exchange: "loud" });
  assert.deepEqual([...objects.values()].map(({ queue, shared }) => [queue, shared]), [["loud", true]]);
});

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
