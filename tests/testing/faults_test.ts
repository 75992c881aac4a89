import assert from "node:assert/strict";
import { getQueueUrl } from "../../lib/sqs/get_queue_url.ts";
import { type Fault, memorySqs } from "../../lib/testing/mod.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

function setUp(fault: Fault) {
  const sqs = memorySqs({ onRequest: () => fault });
  const QueueUrl = sqs.createQueue("jobs");
  const { post } = rawSqs(sqs.fetch);
  return { sqs, QueueUrl, post, send: () => post("SendMessage", { QueueUrl, MessageBody: "a" }) };
}

Deno.test("a fault of the kinds error, html and network comes before any effect", async () => {
  const error = setUp({ type: "error", code: "com.amazon.coral.service#ExpiredTokenException", status: 403 });
  const response = await error.send();
  assert.equal(response.status, 403);
  assert.equal((await response.json()).__type, "com.amazon.coral.service#ExpiredTokenException");
  const html = setUp({ type: "html" });
  assert.match(await (await html.send()).text(), /<html>/);
  const network = setUp({ type: "network" });
  await assert.rejects(network.send(), TypeError);
  for (const { sqs } of [error, html, network]) assert.equal(sqs.messages("jobs").length, 0);
});

Deno.test("a fault of the kinds lost-answer, truncated and empty comes after the effect", async () => {
  const lost = setUp({ type: "lost-answer" });
  await assert.rejects(lost.send(), TypeError);
  const truncated = setUp({ type: "truncated" });
  const half = await (await truncated.send()).text();
  assert.throws(() => JSON.parse(half), SyntaxError);
  const empty = setUp({ type: "empty" });
  assert.equal(await (await empty.send()).text(), "");
  for (const { sqs } of [lost, truncated, empty]) assert.equal(sqs.messages("jobs").length, 1);
});

Deno.test("a slow answer comes later on the clock, its effect at once", async () => {
  const { sqs, send } = setUp({ type: "slow", seconds: 8 });
  const sent = send();
  await sqs.clock.settle();
  assert.equal(sqs.messages("jobs").length, 1);
  const before = +sqs.clock.now();
  assert.equal((await sqs.clock.run(() => sent)).status, 200);
  assert.equal(+sqs.clock.now() - before, 8000);
});

Deno.test("an answer that never comes ends with the request's signal", async () => {
  const { sqs, QueueUrl, post } = setUp({ type: "slow", seconds: Infinity });
  const client = new AbortController();
  const sent = post("SendMessage", { QueueUrl, MessageBody: "a" }, client.signal);
  await sqs.clock.advance(86_400);
  client.abort();
  await assert.rejects(sent, { name: "AbortError" });
});

Deno.test("entries that are to fail have no effect, the others of their batch have", async () => {
  const { sqs, QueueUrl, post } = setUp({ type: "failed-entries", ids: ["2"] });
  const Entries = ["1", "2", "3"].map((Id) => ({ Id, MessageBody: Id }));
  const answer: Output = await (await post("SendMessageBatch", { QueueUrl, Entries })).json();
  assert.deepEqual(answer.Successful.map(({ Id }: Output) => Id), ["1", "3"]);
  assert.deepEqual(answer.Failed.map(({ Id, Code, SenderFault }: Output) => [Id, Code, SenderFault]), [
    ["2", "InternalError", false],
  ]);
  assert.deepEqual(sqs.messages("jobs").map(({ body }) => body), ["1", "3"]);
  sqs.setFaults(() => ({ type: "failed-entries", ids: () => true, senderFault: true }));
  const none: Output = await (await post("SendMessageBatch", { QueueUrl, Entries })).json();
  assert.deepEqual([none.Successful.length, none.Failed.length], [0, 3]);
  sqs.setFaults(undefined);
  assert.equal((await post("SendMessageBatch", { QueueUrl, Entries })).status, 200);
});

Deno.test("the hook and the log tell each request's action, queue, number and instant", async () => {
  const sqs = memorySqs({ keepRequests: 2 });
  const { call } = rawSqs(sqs.fetch);
  const QueueUrl = sqs.createQueue("jobs");
  await call("SendMessage", { QueueUrl, MessageBody: "a" });
  await sqs.clock.advance(5);
  for (let i = 0; i < 3; i++) await call("ReceiveMessage", { QueueUrl });
  assert.equal(sqs.requests.count(), 4);
  assert.deepEqual(sqs.requests.counts, { SendMessage: 1, ReceiveMessage: 3 });
  assert.deepEqual(
    sqs.requests.list.map(({ action, queue, sequence, attempt, at }) => [action, queue, sequence, attempt, +at]),
    [
      ["ReceiveMessage", "jobs", 3, 2, Date.UTC(2030, 0, 1, 0, 0, 5)],
      ["ReceiveMessage", "jobs", 4, 3, Date.UTC(2030, 0, 1, 0, 0, 5)],
    ],
  );
  sqs.requests.clear();
  assert.equal(sqs.requests.count("ReceiveMessage"), 0);
});

Deno.test("a fault of no known type is told, as it would be none", async () => {
  const sqs = memorySqs({ onRequest: () => ({ type: "throttled" }) as never });
  const queueUrl = sqs.createQueue("orders");
  await assert.rejects(sqs.fetch(queueUrl, getQueueUrl({ queueName: "orders" })), {
    name: "ConfigError",
    message: /'onRequest\(\).type' as it must be one of error, network/,
  });
});

Deno.test("memorySqs(), setFaults() and sendMessage() refuse options that are misspelt or wrong", async () => {
  for (
    const options of [
      { onrequest: () => undefined },
      { start: "2030-01-01" },
      { start: new Date(NaN) },
      {
        order: "lifo",
      },
      { seed: "1" },
      { onRequest: { type: "network" } },
      null,
    ]
  ) {
    assert.throws(() => memorySqs(options as never), { name: "ConfigError" }, JSON.stringify(options));
  }
  const sqs = memorySqs({ keepRequests: Infinity });
  sqs.createQueue("orders");
  assert.throws(() => sqs.setFaults({ type: "network" } as never), { name: "ConfigError" });
  await assert.rejects(sqs.sendMessage("orders", "one", { group: "g" } as never), { name: "ConfigError" });
});
