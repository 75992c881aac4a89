import assert from "node:assert/strict";
import { connect, consume, type Credentials, type DashiEvent, send, text } from "@dashi/sqs";
import { listQueues } from "@dashi/sqs/sqs";
import { memorySqs } from "@dashi/sqs/testing";

Deno.test("send() and consume() wait a minute for a provider that never answers, and say so", async () => {
  const sqs = memorySqs();
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secretsecretsecretsecret" };
  sqs.createQueue("q");
  let asked = 0;
  let answer: ((keys: Credentials) => void) | undefined;
  const failures: DashiEvent[] = [];
  const broker = connect({
    ...sqs.connectOptions,
    credentials: () => asked++ < 2 ? new Promise((resolve) => answer = resolve) : Promise.resolve(keys),
    onEvent: (event) => event.type === "poll-failed" && failures.push(event),
  });
  await sqs.sendMessage("q", "late");
  await sqs.clock.run(async () => {
    const began = +sqs.clock.now();
    await assert.rejects(send(broker, listQueues()), /got no keys of its credential provider within 60 s/);
    assert.equal(+sqs.clock.now() - began, 60_000);
    answer!(keys); // too late: the request that failed is not sent any more
    await sqs.clock.sleep(1);
    assert.equal(sqs.requests.count("ListQueues"), 0);
    const bodies = await Array.fromAsync(consume(broker, "q", { codec: text(), maxMessages: 1 }), ({ body }) => body);
    assert.deepEqual(bodies, ["late"]);
    assert.equal(failures.length, 1);
  });
});
