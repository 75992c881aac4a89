import type { PublishOptions } from "../../../mod.ts";
import { equal, needs, ok, rejects, setUp, type Suite, type SuiteContext } from "./support.ts";

const VALUE = {
  text: "Brühe 昆布 🍲",
  number: 1.5,
  when: new Date(Date.UTC(2030, 0, 1)),
  bytes: new Uint8Array([0, 128, 255]),
  list: [null, true, "a"],
};

/** Sends a body, and gives what arrives. */
async function roundTrip(context: SuiteContext, body: unknown, options: PublishOptions = {}): Promise<unknown> {
  const { consume, publish } = context.library.sqs;
  const { broker, queue } = await setUp(context);
  await publish(broker, body, { queue, ...options });
  for await (const delivery of consume(broker, queue, { maxMessages: 1, codec: options.codec })) {
    await delivery.ack();
    return delivery.body;
  }
}

/** Bodies there and back through a server. */
export const codecs: Suite = {
  "kombu's envelope keeps dates, bytes and letters": async (context) => {
    equal(await roundTrip(context, VALUE), VALUE);
  },

  "kombu's gzip and zlib are undone": async (context) => {
    needs("CompressionStream");
    const body = "dashi ".repeat(5000);
    for (const contentEncoding of ["gzip", "zlib"]) equal(await roundTrip(context, body, { contentEncoding }), body);
  },

  "json() and text() write plain bodies": async (context) => {
    const { json, text } = context.library.sqs;
    equal(await roundTrip(context, { a: ["ü", 1] }, { codec: json() }), { a: ["ü", 1] });
    equal(await roundTrip(context, "ü\n", { codec: text() }), "ü\n");
  },

  "a body of 200,000 letters arrives whole": async (context) => {
    const body = "昆布".repeat(50_000) + "x".repeat(100_000);
    equal(await roundTrip(context, body, { codec: context.library.sqs.text() }), body);
  },

  "a message whose MD5 does not fit is not trusted": async (context) => {
    const { connect, get, publish } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publish(broker, "a", { queue });
    let event: { error?: Error } = {};
    const spoiled = connect({
      ...context.connectOptions,
      onEvent: (seen) => {
        if (seen.type === "drop") event = seen;
      },
      http: {
        async fetch(request) {
          const response = await fetch(request);
          const body = (await response.text()).replace(/"MD5OfBody":"[^"]+"/, `"MD5OfBody":"${"0".repeat(32)}"`);
          return new Response(body, response);
        },
      },
    });
    equal(await get(spoiled, queue), undefined);
    equal(event.error?.name, "IntegrityError");
  },

  "a compressed body that was cut is undecodable": async ({ library: { sqs } }) => {
    needs("CompressionStream");
    const codec = sqs.kombu();
    const message = {
      body: "dashi ".repeat(500),
      headers: {},
      properties: {},
      exchange: "",
      routingKey: "a",
      messageId: "1",
      contentEncoding: "gzip",
    };
    const { body } = await codec.encode(message);
    const whole = await codec.decode({ body, messageAttributes: {} });
    equal(whole.body, message.body);
    const envelope = JSON.parse(atob(body));
    const bytes = atob(envelope.body);
    envelope.body = btoa(bytes.slice(0, bytes.length >> 1));
    const decode = async () => await codec.decode({ body: btoa(JSON.stringify(envelope)), messageAttributes: {} });
    const error = await rejects(decode, "DecodeError");
    ok(error.code === "ERR_DASHI_DECODE");
  },
};
