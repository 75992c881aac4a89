/**
 * The real Extended Client for Python on one side, this library on the other, moto between them. `MOTO_ENDPOINT` is
 * where moto listens, `INTEROP_PYTHON` a Python that has the client; without them the tests are skipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect, consume, publish, send } from "@dashi/sqs";
import { embedReceiptHandle, parseReceiptHandle, s3Payloads } from "@dashi/sqs/payloads";
import { deleteMessage, receiveMessage } from "@dashi/sqs/sqs";

const endpoint = Deno.env.get("MOTO_ENDPOINT");
const python = Deno.env.get("INTEROP_PYTHON");
const ignore = !endpoint || !python;
if (ignore) console.log("payloads: skipped, as MOTO_ENDPOINT and INTEROP_PYTHON are not both set");

interface Answer {
  readonly body: string;
  readonly receiptHandle: string;
  readonly messages: number;
  readonly objects: number;
  readonly queue: string;
}

/** Every kind of character, and more bytes than the threshold. */
const BODY = 'Grüße, 日本語, 🍜, "quotes", \\, \n\t'.repeat(8000);

async function setUp(legacy: boolean) {
  const bucket = `interop-${crypto.randomUUID()}`;
  const ask = async (what: object): Promise<Answer> => {
    const child = new Deno.Command(python!, {
      args: [`${import.meta.dirname}/extended_client.py`],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify({ endpoint, bucket, legacy, ...what })));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  const { queue } = await ask({ do: "setup", queue: bucket });
  const payloads = s3Payloads({ bucket, legacyAttribute: legacy });
  const broker = connect({
    region: "eu-west-1",
    endpoint,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    payloads,
    codec: { encode: ({ body }) => ({ body: String(body) }), decode: ({ body }) => ({ body }) },
  });
  const python_ = (what: object) => ask({ queue, ...what });
  return { broker, queue, payloads, python: python_ };
}

for (const legacy of [false, true]) {
  const names = legacy ? "the older names" : "today's names";

  Deno.test({ name: `consume() reads what the Extended Client sent, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    const sent = await python({ do: "send", body: BODY });
    assert.deepEqual([sent.messages, sent.objects], [1, 1]);
    await using deliveries = consume(broker, queue, { untilEmpty: true, waitTimeSeconds: 0 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.body, BODY);
      await delivery.ack();
    }
    await deliveries.closed;
    const left = await python({ do: "count" });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });

  Deno.test({ name: `publish() sends what the Extended Client reads, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    await publish(broker, BODY, { queue });
    const { body, receiptHandle, objects } = await python({ do: "receive" });
    assert.equal(body, BODY);
    assert.equal(objects, 1);
    const left = await python({ do: "ack", receiptHandle });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });

  Deno.test(
    { name: `parseReceiptHandle() acks what the Extended Client received, under ${names}`, ignore },
    async () => {
      const { broker, queue, payloads, python } = await setUp(legacy);
      await python({ do: "send", body: BODY });
      const { receiptHandle, location } = parseReceiptHandle((await python({ do: "receive" })).receiptHandle);
      await send(broker, deleteMessage({ queueUrl: queue, receiptHandle }));
      await payloads.cleanUp([location!], { broker, emit: () => {} });
      const left = await python({ do: "count" });
      assert.deepEqual([left.messages, left.objects], [0, 0]);
    },
  );

  Deno.test({ name: `embedReceiptHandle() lets the Extended Client ack, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    const { payload } = await publish(broker, BODY, { queue });
    const { messages } = await send(broker, receiveMessage({ queueUrl: queue }));
    const left = await python({ do: "ack", receiptHandle: embedReceiptHandle(messages[0].ReceiptHandle, payload!) });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });

  Deno.test({ name: `publish() sends a stream that the Extended Client reads, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    const large = "0123456789abcdef".repeat(400_000);
    await publish(broker, new Blob([large]).stream(), { queue });
    const { body, receiptHandle } = await python({ do: "receive" });
    assert.equal(body, large);
    const left = await python({ do: "ack", receiptHandle });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });

  Deno.test({ name: `consume() streams what was stored in parts, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    const large = "0123456789abcdef".repeat(400_000);
    await publish(broker, new Blob([large]).stream(), { queue });
    await using deliveries = consume(broker, queue, { untilEmpty: true, waitTimeSeconds: 0, payloads: "lazy" });
    for await (const delivery of deliveries) {
      assert.equal(await new Response(delivery.stream()).text(), large);
      await delivery.ack();
    }
    await deliveries.closed;
    // It was handed over: what can't be read would have stayed.
    const left = await python({ do: "count" });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });

  Deno.test({ name: `consume() streams what the Extended Client sent, under ${names}`, ignore }, async () => {
    const { broker, queue, python } = await setUp(legacy);
    await python({ do: "send", body: BODY });
    await using deliveries = consume(broker, queue, { untilEmpty: true, waitTimeSeconds: 0, payloads: "lazy" });
    for await (const delivery of deliveries) {
      assert.equal(delivery.body, undefined);
      assert.equal(await new Response(delivery.stream()).text(), BODY);
      await delivery.ack();
    }
    await deliveries.closed;
    const left = await python({ do: "count" });
    assert.deepEqual([left.messages, left.objects], [0, 0]);
  });
}
