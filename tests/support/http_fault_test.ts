import assert from "node:assert/strict";
import { connect } from "../../lib/connect.ts";
import { send } from "../../lib/http/send.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { rawSqs } from "../testing/raw_sqs.ts";
import { faultFetch, type HttpFault } from "./http_fault.ts";

function setUp(plan: (HttpFault | undefined)[]) {
  const sqs = memorySqs();
  const QueueUrl = sqs.createQueue("jobs");
  const { post } = rawSqs(faultFetch(sqs.fetch, plan, sqs.clock));
  return { sqs, post: () => post("SendMessage", { QueueUrl, MessageBody: "a" }) };
}

Deno.test("faultFetch() keeps a request from its server by network, status and html", async () => {
  const { sqs, post } = setUp([{ type: "network" }, { type: "status", status: 503, body: "{}" }, { type: "html" }]);
  await assert.rejects(post(), TypeError);
  assert.equal((await post()).status, 503);
  assert.match(await (await post()).text(), /<html>/);
  assert.equal(sqs.messages("jobs").length, 0);
  assert.equal((await post()).status, 200);
});

Deno.test("faultFetch() lets a request arrive and spoils its answer", async () => {
  const { sqs, post } = setUp([{ type: "lost-answer" }, { type: "cut" }, { type: "truncated" }]);
  await assert.rejects(post(), TypeError);
  const cut = await (await post()).text();
  assert.throws(() => JSON.parse(cut), SyntaxError);
  await assert.rejects(async () => await (await post()).text(), TypeError);
  assert.equal(sqs.messages("jobs").length, 3);
});

Deno.test("faultFetch() holds an answer back on the clock", async () => {
  const { sqs, post } = setUp([{ type: "slow", seconds: 9 }]);
  assert.equal((await sqs.clock.run(post)).status, 200);
  assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 9000);
});

Deno.test("faultFetch() keeps a broker's retries on virtual time", async () => {
  const sqs = memorySqs();
  const queueUrl = sqs.createQueue("jobs");
  const fetch = faultFetch(sqs.fetch, [{ type: "network" }, { type: "status", status: 503 }]);
  const broker = connect({ ...sqs.connectOptions, http: { fetch } });
  await sqs.clock.run(() => send(broker, sendMessage({ queueUrl, messageBody: "a" })));
  assert.equal(sqs.messages("jobs").length, 1);
  assert.equal(sqs.requests.count(), 1);
});
