import assert from "node:assert/strict";
import {
  type Codec,
  connect,
  consume,
  type DecodedMessage,
  type Delivery,
  get,
  type IncomingMessage,
  json,
  kombu,
  type OutgoingMessage,
  publish,
  type StandardSchemaV1,
  type UndecodableDelivery,
} from "@dashi/sqs";
import * as v from "valibot";
import { all, numberOf, setUp } from "./setup.ts";

const base64 = (text: string) => btoa(text);
const MIB = 1_048_576;

/** Bodies that nobody wants to get, and whether kombu's codec reads them. */
const BAD: Record<string, string> = {
  "not base64": "%%% not base64 %%%",
  "not JSON": base64("{ not json"),
  "JSON cut off": base64('{"body": "abc", "properties": {'),
  "a million nested arrays": "[".repeat(MIB / 2) + "]".repeat(MIB / 2),
  "a million nested arrays, open": "[".repeat(MIB),
  "a body encoding that does not fit": base64(
    JSON.stringify({
      body: "%%%",
      headers: {},
      properties: { body_encoding: "base64" },
      "content-type": "application/json",
    }),
  ),
  "an SNS envelope around nonsense": JSON.stringify({
    Type: "Notification",
    TopicArn: "arn:aws:sns:a:b:c",
    MessageId: "1",
    Message: "{",
  }),
};

for (const [name, body] of Object.entries(BAD)) {
  Deno.test(`${name}: left in its queue, and the next message comes`, async () => {
    const test = setUp({ connect: { codec: kombu() }, order: "fifo" });
    await test.sqs.sendMessage("q", body);
    await test.sqs.sendMessage("q", base64(JSON.stringify({ n: 1, properties: {} })));
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxSeconds: 5 });
      const seen: Delivery<unknown>[] = [];
      for await (const delivery of deliveries) {
        seen.push(delivery);
        await delivery.ack();
      }
      await deliveries.closed;
      const drops = test.of("drop").map(({ reason }) => reason);
      // Whether it can be read is the codec's word; that it is one or the other, and no crash, is ours.
      assert.equal(seen.length + drops.length, 2, `${drops}`);
      if (drops.length) {
        assert.deepEqual(drops, ["undecodable"]);
        assert.ok(test.of("drop")[0].error);
        const [left] = test.sqs.messages("q");
        assert.equal(left.state, "inFlight", "hidden until its timeout");
      }
    });
    assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 0);
  });

  Deno.test(`${name}: delivered with its raw body, and the next message comes`, async () => {
    const test = setUp({ connect: { codec: kombu() } });
    await test.sqs.sendMessage("q", body);
    await test.sqs.sendMessage("q", base64(JSON.stringify({ n: 1, properties: {} })));
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages: 2, onUndecodable: "deliver" });
      let seen = 0;
      for await (const delivery of deliveries) {
        seen++;
        assert.equal("error" in delivery, !!delivery.error);
        if (delivery.error) {
          assert.equal(delivery.body, body);
          assert.equal(delivery.raw.Body, body);
          assert.ok(["DecodeError", "IntegrityError"].includes(delivery.error.name), delivery.error.name);
          assert.ok(delivery.error.message.length < 1000, "short, whatever came");
        }
        await delivery.ack();
      }
      assert.equal(seen, 2);
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q").length, 0);
  });
}

Deno.test("with json() what is not JSON is undecodable", async () => {
  for (const body of ["", "{", "not json", "[".repeat(MIB)].filter(Boolean)) {
    const test = setUp();
    await test.sqs.sendMessage("q", body);
    await test.run(() => all(consume(test.broker, "q", { maxSeconds: 1 })));
    assert.equal(test.of("drop")[0].reason, "undecodable");
    assert.equal(test.sqs.messages("q").length, 1);
  }
});

Deno.test("what SNS put into an envelope comes with the envelope's attributes", async () => {
  const test = setUp();
  const MessageAttributes = { kind: { Type: "String", Value: "new" } };
  const envelope = { Type: "Notification", MessageId: "1", TopicArn: "arn:aws:sns:eu-west-1:000000000000:news" };
  await test.sqs.sendMessage("q", JSON.stringify({ ...envelope, Message: "5", MessageAttributes }));
  await test.run(async () => {
    const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1 }));
    assert.deepEqual([delivery.body, delivery.messageAttributes], [5, { kind: "new" }]);
    await delivery.ack();
  });
});

Deno.test("JSON without properties is a plain body, and a body of 1 MiB is one like any", async () => {
  const test = setUp({ connect: { codec: kombu() } });
  const large = JSON.stringify({ text: "x".repeat(MIB - 11) });
  assert.equal(large.length, MIB);
  await test.sqs.sendMessage("q", '{"id":1}');
  await test.sqs.sendMessage("q", large);
  await test.run(async () => {
    const list = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 2 }));
    const bodies = list.map(({ body }) => typeof body === "string" ? JSON.parse(body) : body);
    assert.ok(bodies.some((body) => (body as { id?: number }).id === 1));
    assert.ok(bodies.some((body) => (body as { text?: string }).text?.length === MIB - 11));
    await Promise.all(list.map((delivery) => delivery.ack()));
  });
});

Deno.test("__proto__ keys change no prototype", async () => {
  const test = setUp();
  await test.sqs.sendMessage(
    "q",
    '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
  );
  await test.run(async () => {
    const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1 }));
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.ok(Object.hasOwn(delivery.body as object, "__proto__"));
    await delivery.ack();
  });
});

/** A broker whose messages come with another body than was sent. */
function tampering(test: ReturnType<typeof setUp>, checkMd5 = true, message = ["All"], host = "$&") {
  return connect({
    ...test.sqs.connectOptions,
    codec: { encode: () => ({ body: "" }), decode: ({ body }) => ({ body }) },
    checkMd5,
    fetchAttributes: { message },
    onEvent: (event) => test.events.push(event),
    http: {
      async fetch(request) {
        const response = await test.sqs.fetch(request);
        const answer = (await response.text()).replaceAll("genuine", "forged!");
        return new Response(answer.replace(/sqs[.\w-]+amazonaws.com/, host), response);
      },
    },
  });
}

Deno.test("a wrong MD5 is an IntegrityError: left, or delivered, by policy", async () => {
  for (const where of ["body", "attributes"] as const) {
    const test = setUp();
    const send = () =>
      test.sqs.sendMessage("q", where === "body" ? "genuine" : "a body", {
        messageAttributes: { a: { DataType: "String", StringValue: where === "body" ? "b" : "genuine" } },
      });
    await send();
    for (const names of [["All"], ["a"]]) {
      await test.run(() => all(consume(tampering(test, true, names), "q", { maxSeconds: 1 })));
      const [{ reason, error }] = test.of("drop");
      assert.deepEqual([reason, error?.name], ["undecodable", "IntegrityError"]);
      test.events.length = 0;
      await send();
    }
    await test.run(() => all(consume(tampering(test, true, ["All"], "sqs.example"), "q", { maxSeconds: 1 })));
    assert.equal(test.of("drop")[0].error?.name, "IntegrityError", "of another host than AWS's too");
    await send();
    await test.run(async () => {
      const [delivery] = await Array.fromAsync(
        consume(tampering(test), "q", { maxMessages: 1, onUndecodable: "deliver" }),
      );
      assert.equal(delivery.error?.name, "IntegrityError");
      await delivery.release();
    });
    await test.run(async () => {
      const [delivery] = await Array.fromAsync(consume(tampering(test, false), "q", { maxMessages: 1 }));
      assert.equal(delivery.error, undefined);
      await delivery.ack();
    });
  }
});

Deno.test("checksums that an emulator leaves out, or gives of attributes that it does not send, are not missed", async () => {
  const test = setUp({
    connect: {
      http: {
        async fetch(request) {
          const response = await test.sqs.fetch(request);
          const answer = JSON.stringify(await response.json(), (key, value) => {
            if (key === "MD5OfBody" || key === "MessageAttributes") return undefined;
            return value;
          });
          return new Response(answer, response);
        },
      },
      fetchAttributes: { message: ["All"] },
    },
  });
  await test.sqs.sendMessage("q", "1", { messageAttributes: { a: { DataType: "String", StringValue: "b" } } });
  await test.run(async () => {
    const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1 }));
    assert.equal(typeof delivery.raw.MD5OfMessageAttributes, "string");
    assert.equal(delivery.body, 1);
    await delivery.ack();
  });
});

Deno.test("a body that does not fit the schema is undecodable, and says where", async () => {
  const schema = v.object({ n: v.pipe(v.number(), v.minValue(1)) });
  for (const policy of ["leave", "deliver"] as const) {
    const test = setUp();
    await test.fill(2);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { schema, maxSeconds: 1, onUndecodable: policy as "deliver" });
      const list: (Delivery<unknown> | UndecodableDelivery)[] = [];
      for await (const delivery of deliveries) {
        list.push(delivery);
        await delivery.ack();
      }
      await deliveries.closed;
      const error = policy === "leave" ? test.of("drop")[0].error : list.find(({ error }) => error)?.error;
      assert.equal(error?.name, "DecodeError");
      assert.match(error!.message, /at 'n' does not fit the schema/);
      assert.equal(list.length, policy === "leave" ? 1 : 2);
    });
    assert.equal(test.sqs.messages("q").length, policy === "leave" ? 1 : 0);
  }
});

Deno.test("a schema may be asynchronous, may change the body, and may throw", async () => {
  const test = setUp();
  await test.fill(3);
  const schema = v.pipeAsync(
    v.object({ n: v.number() }),
    v.transformAsync(async ({ n }) => {
      if (await n === 1) throw new Error("a bug");
      return `number ${n}`;
    }),
  );
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { schema, maxSeconds: 1 });
    const bodies: string[] = [];
    for await (const delivery of deliveries) {
      bodies.push(delivery.body);
      await delivery.ack();
    }
    assert.deepEqual(bodies.toSorted(), ["number 0", "number 2"]);
    await deliveries.closed;
  });
  assert.equal(test.of("drop").length, 1);
});

Deno.test("a codec may throw anything, also what no text can be made of, and the next message comes", async () => {
  for (const thrown of ["no soup", null, Symbol("no soup"), Object.create(null)]) {
    const decode = (message: IncomingMessage) => {
      if (message.body === '{"n":0}') throw thrown;
      return json().decode(message);
    };
    const test = setUp({ order: "fifo", connect: { codec: { ...json(), decode } } });
    await test.fill(2);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages: 2, maxSeconds: 1 });
      const numbers: number[] = [];
      for await (const delivery of deliveries) {
        numbers.push(numberOf(delivery));
        await delivery.ack();
      }
      await deliveries.closed;
      assert.deepEqual(numbers, [1]);
    });
    const [{ error }] = test.of("drop");
    assert.equal(error?.name, "DecodeError");
    assert.equal(error?.cause, thrown);
    assert.equal(test.sqs.messages("q").length, 1);
  }
});

Deno.test("a codec may be an object whose methods belong to it", async () => {
  class Prefixed implements Codec {
    readonly #prefix = "v1:";
    encode({ body }: OutgoingMessage) {
      return { body: this.#prefix + body };
    }
    decode({ body }: IncomingMessage) {
      return { body: body.slice(this.#prefix.length) };
    }
  }
  const { sqs, broker, clock } = setUp({ connect: { codec: new Prefixed() } });
  await clock.run(async () => {
    await publish(broker, "soup", { queue: "q" });
    assert.equal(sqs.messages("q")[0].body, "v1:soup");
    assert.equal((await get(broker, "q"))?.body, "soup");
  });
});

Deno.test("a codec and a schema may give any thenable, such as another realm's promise", async () => {
  const test = setUp();
  await test.fill(2);
  const thenable = <T>(value: T) => ({ then: (done: (value: T) => void) => done(value) }) as unknown as Promise<T>;
  const codec: Codec = { ...json(), decode: (message) => thenable(json().decode(message) as DecodedMessage) };
  const schema: StandardSchemaV1<unknown, string> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (body) => thenable({ value: `number ${(body as { n: number }).n}` }),
    },
  };
  await test.run(async () => {
    const deliveries = await Array.fromAsync(consume(test.broker, "q", { codec, schema, maxMessages: 2 }));
    assert.deepEqual(deliveries.map(({ body }) => body).sort(), ["number 0", "number 1"]);
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
  });
});

Deno.test("what can't be read goes to the dead-letter queue in the end, and never blocks the loop", async () => {
  const test = setUp();
  test.sqs.createQueue("dead");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  test.sqs.createQueue("r", {
    VisibilityTimeout: 10,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 }),
  });
  for (let n = 0; n < 30; n++) await test.sqs.sendMessage("r", "{");
  await test.fill(5, "r");
  await test.run(async () => {
    const deliveries = consume(test.broker, "r", { maxSeconds: 120, prefetch: 4 });
    let sum = 0;
    for await (const delivery of deliveries) {
      sum += numberOf(delivery);
      await delivery.ack();
    }
    assert.equal(sum, 10);
    await deliveries.closed;
  });
  assert.deepEqual([test.sqs.messages("r").length, test.sqs.messages("dead").length], [0, 30]);
});

Deno.test("a payload pointer without a store is undecodable, never an ordinary body", async () => {
  const test = setUp();
  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"b","s3Key":"k"}]';
  await test.sqs.sendMessage("q", pointer);
  await test.run(() => all(consume(test.broker, "q", { maxSeconds: 1 })));
  assert.match(test.of("drop")[0].error!.message, /payloads/);
});
