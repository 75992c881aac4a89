import { collect, equal, ok, rejects, setUp, type Suite, without } from "./support.ts";

/** Entry points, and what they say where a feature is missing. */
export const entries: Suite = {
  "every entry point can be imported": ({ library }) => {
    for (const [name, entry] of Object.entries(library)) {
      ok(Object.values(entry).some((value) => typeof value === "function"), `'${name}' exports no function`);
    }
  },

  "compression names what the runtime lacks, when it is asked for": async (context) => {
    const { consume, publish } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await without(["CompressionStream"], async () => {
      const options = { queue, contentEncoding: "gzip" };
      await rejects(() => publish(broker, "a", options), "ConfigError", /CompressionStream/);
      await publish(broker, "plain", { queue });
    });
    const [delivery] = await collect(consume(broker, queue, { maxMessages: 1 }));
    equal(delivery.body, "plain");
    await delivery.ack();
  },

  "a signature names the WebCrypto that the runtime lacks": async ({ library, connectOptions }) => {
    const { connect, send } = library.sqs;
    await without(["crypto", "process"], async () => {
      const broker = connect(connectOptions);
      const listing = library.requests.listQueues();
      await rejects(() => send(broker, listing), "ConfigError", /crypto\.subtle/);
    });
  },

  "MD5 is checked where neither WebCrypto nor Node has it": async (context) => {
    const { broker, queue } = await setUp(context);
    const { consume, publish } = context.library.sqs;
    await without(["process"], async () => {
      const messageAttributes = { dish: "ramen", bowls: 2, raw: new Uint8Array([0, 255]) };
      await publish(broker, "päper", { queue, messageAttributes });
      for await (const delivery of consume(broker, queue, { maxMessages: 1 })) {
        equal(delivery.body, "päper");
        await delivery.ack();
      }
    });
  },

  "a profile names the file system that the runtime lacks": async ({ library, connectOptions }) => {
    const { connect, send } = library.sqs;
    const broker = connect({ ...connectOptions, credentials: library.credentials.profile() });
    await without(["process"], async () => {
      await rejects(() => send(broker, library.requests.listQueues()), "CredentialsError", /file system/);
    });
  },
};
