/**
 * Fanout exchanges shared with a real kombu, through moto. Runs where MOTO_ENDPOINT (such as http://127.0.0.1:5000) and
 * INTEROP_PYTHON (a Python that has kombu[sqs]) are set.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fromCelery } from "../../lib/config/mod.ts";
import { connect } from "../../lib/connect.ts";
import { stateOf } from "../../lib/broker.ts";
import { send } from "../../lib/http/send.ts";
import { createQueue } from "../../lib/sqs/create_queue.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { queueAddress } from "../../lib/topology/queue_address.ts";
import type { QueueAddress } from "../../lib/types.ts";
import { linesOf } from "./peer.ts";

const MOTO = Deno.env.get("MOTO_ENDPOINT");
const PYTHON = Deno.env.get("INTEROP_PYTHON");
const ignore = !MOTO || !PYTHON;
if (ignore) console.log("skipped: set MOTO_ENDPOINT and INTEROP_PYTHON to run fanout against kombu");

const PROLOGUE = `
import json, socket, sys
from kombu import Connection, Exchange, Queue
url, exchange_name, queue_name = sys.argv[1:4]
connection = Connection(url, transport_options={
    "region": "us-east-1", "supports_fanout": True, "wait_time_seconds": 1, "polling_interval": 0.1,
})
exchange = Exchange(exchange_name, type="fanout")
`;

const PUBLISH = PROLOGUE + `
channel = connection.channel()
queue = Queue(queue_name, exchange, channel=channel)
queue.declare()
producer = connection.Producer(channel=channel, serializer="json")
producer.publish({"from": "kombu"}, exchange=exchange, routing_key="", message_attributes={"flavour": "sweet"})
connection.release()
`;

/** Declares, says so, and prints what it receives. */
const CONSUME = PROLOGUE + `
received = []
def on_message(body, message):
    received.append(body)
    message.ack()
with connection.Consumer(Queue(queue_name, exchange), callbacks=[on_message]):
    print("ready", flush=True)
    for _ in range(100):
        try:
            connection.drain_events(timeout=1)
        except socket.timeout:
            pass
        if received:
            break
print(json.dumps(received), flush=True)
connection.release()
`;

function kombu(script: string, exchange: string, queue: string): Deno.ChildProcess {
  return new Deno.Command(PYTHON!, {
    args: ["-c", script, `sqs://AKIDEXAMPLE:secret@${new URL(MOTO!).host}`, exchange, queue],
    env: { AWS_DEFAULT_REGION: "us-east-1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function run(script: string, exchange: string, queue: string): Promise<string> {
  const { success, stdout, stderr } = await kombu(script, exchange, queue).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const unique = (name: string) => `${name}-${crypto.randomUUID().slice(0, 8)}`;

function setUp() {
  const { host } = new URL(MOTO!);
  const broker = connect(
    fromCelery(`sqs://AKIDEXAMPLE:secret@${host}`, { region: "us-east-1", supports_fanout: true }),
  );
  const { fanout, codec } = stateOf(broker).options;
  return {
    broker,
    fanout: fanout!,
    codec: codec!,
    async queue(name: string): Promise<QueueAddress> {
      const { queueUrl } = await send(broker, createQueue({ queueName: name }));
      return queueAddress(name, queueUrl);
    },
    async receive({ url }: QueueAddress) {
      const request = receiveMessage({ queueUrl: url, waitTimeSeconds: 2, messageAttributes: ["All"] });
      return (await send(broker, request)).messages;
    },
  };
}

Deno.test({
  name: "kombu declares a fanout exchange and publishes, and our queue receives",
  ignore,
  async fn() {
    const { broker, fanout, codec, queue, receive } = setUp();
    const exchange = unique("news");
    const inbox = await queue(unique("ours"));
    await fanout.bind(broker, exchange, inbox);
    await run(PUBLISH, exchange, unique("theirs"));
    const [message] = await receive(inbox);
    const { body, properties } = await codec.decode({ body: message.Body, messageAttributes: {} });
    assert.deepEqual(body, { from: "kombu" });
    assert.equal((properties?.delivery_info as { exchange: string }).exchange, exchange);
    assert.equal(message.MessageAttributes?.flavour.StringValue, "sweet");
  },
});

Deno.test({
  name: "we publish to a fanout exchange, and kombu's queue and ours receive",
  ignore,
  async fn() {
    const { broker, fanout, codec, queue, receive } = setUp();
    const exchange = unique("alerts");
    const inbox = await queue(unique("ours"));
    const peer = kombu(CONSUME, exchange, unique("theirs"));
    const lines = linesOf(peer.stdout);
    const ready = await lines.next();
    if (ready.done) throw new Error(new TextDecoder().decode(await new Response(peer.stderr).bytes()));
    await fanout.bind(broker, exchange, inbox);
    const { body } = await codec.encode({
      body: { from: "dashi" },
      headers: {},
      properties: {},
      exchange,
      routingKey: "",
      messageId: crypto.randomUUID(),
      fanout: true,
    });
    const [receipt] = await fanout.publish(broker, exchange, [{ body, messageAttributes: {} }]);
    assert.ok(!(receipt instanceof Error), String(receipt));
    const answer = await lines.next();
    assert.deepEqual(JSON.parse(answer.value!), [{ from: "dashi" }]);
    await lines.return(undefined);
    await peer.stderr.cancel();
    assert.ok((await peer.status).success);
    assert.equal((await receive(inbox)).length, 1);
  },
});

Deno.test({
  name: "kombu's statement in a queue's policy and ours stand side by side",
  ignore,
  async fn() {
    const { broker, fanout, queue } = setUp();
    const [first, second, name] = ["one", "two", "shared"].map(unique);
    await run(CONSUME.replace("range(100)", "range(1)"), first, name);
    const shared = await queue(name);
    await fanout.bind(broker, second, shared);
    const { getQueueAttributes } = await import("../../lib/sqs/get_queue_attributes.ts");
    const { attributes } = await send(broker, getQueueAttributes({ queueUrl: shared.url, attributeNames: ["Policy"] }));
    const sids = JSON.parse(attributes.Policy).Statement.map((one: { Sid: string }) => one.Sid);
    assert.equal(sids[0], "KombuManaged");
    assert.match(sids[1], new RegExp(`^dashi-arn:.*:${second}$`));
  },
});
