import assert from "node:assert/strict";
import { AwsError, ConfigError, UndefinedExchangeError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { deleteTopic } from "../../lib/sns/delete_topic.ts";
import type { FanoutMessage, FanoutReceipt, QueueAddress } from "../../lib/types.ts";
import { type Intercept, type Setting, setUp } from "./setup.ts";

const say = (body: string, more: Partial<FanoutMessage> = {}): FanoutMessage => ({
  body,
  messageAttributes: {},
  ...more,
});
const idOf = (result: FanoutReceipt | Error) => result instanceof Error ? result : result.messageId;
const error = (code: string, status: number) =>
  new Response(`<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`, { status });

Deno.test("publish() gives one receipt a message in order, in batches of ten", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  t.actions.length = 0;
  const results = await t.fanout.publish(t.broker, "news", Array.from({ length: 21 }, (_, index) => say(`${index}`)));
  assert.equal(new Set(results.map(idOf)).size, 21);
  assert.deepEqual(t.actions, ["PublishBatch", "PublishBatch", "Publish"]);
  assert.deepEqual(await t.fanout.publish(t.broker, "news", []), []);
});

Deno.test("publish() sends typed attributes, and refuses more than ten and unsupported ones, each for itself", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, "x"]));
  const results = await t.fanout.publish(t.broker, "news", [
    say("many", { messageAttributes: eleven }),
    say("typed", {
      messageAttributes: {
        s: "text",
        n: 2,
        b: new Uint8Array([1, 2]),
        t: { DataType: "Number.int", StringValue: "7" },
      },
    }),
    say("odd", { messageAttributes: { o: {} as never } }),
    say("control \u0001"),
    say("group", { groupId: "has space" }),
  ]);
  assert.deepEqual(results.map((result) => result instanceof ConfigError), [true, false, true, true, true]);
  const [message, ...rest] = await t.receive(queue);
  assert.equal(rest.length, 0);
  assert.equal(message.Body, "typed");
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(message.MessageAttributes!).map(([name, one]) => [name, one.StringValue ?? one.BinaryValue]),
    ),
    { s: "text", n: "2", b: "AQI=", t: "7" },
  );
});

Deno.test("a FIFO exchange has the group `default` and a UUID for deduplication, unless the message says", async () => {
  const seen: [string | null, string | null][] = [];
  await using t = await setUp({
    intercept: (form, action) =>
      void (action === "Publish" && seen.push([form.get("MessageGroupId"), form.get("MessageDeduplicationId")])),
  });
  await t.fanout.publish(t.broker, "news.fifo", [say("a")]);
  await t.fanout.publish(t.broker, "news.fifo", [say("b", { groupId: "g", deduplicationId: "d" })]);
  await t.fanout.publish(t.broker, "news", [say("c")]);
  assert.equal(seen[0][0], "default");
  assert.match(seen[0][1]!, /^[\da-f]{8}-[\da-f-]{27}$/);
  assert.deepEqual(seen.slice(1), [["g", "d"], [null, null]]);
});

Deno.test("publish() sends only the entries again that failed and may pass, with the same deduplication id", async () => {
  const sent: [string, string | null][][] = [];
  const answer: Intercept = (form, action) => {
    if (action !== "PublishBatch" && action !== "Publish") return;
    if (action === "Publish") {
      sent.push([[form.get("Message")!, form.get("MessageDeduplicationId")]]);
      return;
    }
    const members = [...form].filter(([name]) => name.endsWith(".Id")).map(([name, id]) => ({
      id,
      at: name.slice(0, -3),
    }));
    sent.push(members.map(({ at }) => [form.get(`${at}.Message`)!, form.get(`${at}.MessageDeduplicationId`)]));
    const lists = { Successful: "", Failed: "" };
    for (const { id, at } of members) {
      const body = form.get(`${at}.Message`);
      if (body === "wrong") {
        lists.Failed += `<member><Id>${id}</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>`;
      } else if (body === "busy") {
        lists.Failed += `<member><Id>${id}</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member>`;
      } else if (body !== "lost") lists.Successful += `<member><Id>${id}</Id><MessageId>m-${body}</MessageId></member>`;
    }
    return new Response(
      `<PublishBatchResponse><PublishBatchResult><Successful>${lists.Successful}</Successful>` +
        `<Failed>${lists.Failed}</Failed></PublishBatchResult></PublishBatchResponse>`,
    );
  };
  await using t = await setUp({ intercept: answer });
  const results = await t.fanout.publish(
    t.broker,
    "news.fifo",
    ["good", "wrong", "busy", "lost"].map((body) => say(body)),
  );
  assert.equal(idOf(results[0]), "m-good");
  assert.ok(results[1] instanceof AwsError && results[1].awsCode === "InvalidParameter" && !results[1].retryable);
  assert.ok(results[2] instanceof AwsError && results[2].awsCode === "InternalError" && results[2].retryable);
  assert.ok(results[3] instanceof AwsError && results[3].awsCode === "MissingFromAnswer");
  assert.deepEqual(sent.map((entries) => entries.map(([body]) => body)), [
    ["good", "wrong", "busy", "lost"],
    ["busy", "lost"],
    ["busy", "lost"],
  ]);
  assert.equal(sent[0][2][1], sent[2][0][1]);
  const last = t.events.findLast((event) => event.type === "publish");
  assert.ok(last?.type === "publish" && last.count === 4 && last.failed === 3);
});

Deno.test("a message that SNS refuses after it did not speak of it says so in its cause: it may be there", async () => {
  let tries = 0;
  await using t = await setUp({
    intercept(form, action) {
      if (action !== "PublishBatch") return;
      const ids = [...form].filter(([name]) => name.endsWith(".Id")).map(([, id]) => id);
      const failed = ids.map((id) =>
        `<member><Id>${id}</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>`
      );
      return new Response(
        `<PublishBatchResponse><PublishBatchResult><Successful></Successful><Failed>${tries++ ? failed.join("") : ""}` +
          `</Failed></PublishBatchResult></PublishBatchResponse>`,
      );
    },
  });
  const results = await t.fanout.publish(t.broker, "news", [say("a"), say("b")]);
  for (const error of results) {
    assert.ok(error instanceof AwsError && error.awsCode === "InvalidParameter");
    assert.ok(error.cause instanceof AwsError && error.cause.awsCode === "MissingFromAnswer");
  }
});

Deno.test("a request that fails fails its own messages, and the next batch goes on", async () => {
  let batches = 0;
  await using t = await setUp({
    connect: {},
    intercept: (_, action) =>
      action === "PublishBatch" && ++batches === 1 ? error("AuthorizationError", 403) : undefined,
  });
  const results = await t.fanout.publish(t.broker, "news", Array.from({ length: 20 }, () => say("x")));
  assert.ok(results.slice(0, 10).every((result) => result instanceof AwsError));
  assert.ok(results.slice(10).every((result) => !(result instanceof Error)));
});

Deno.test("batches stay within 256 KiB, and a message above the topic's limit is refused with what to do", async () => {
  const sizes: number[] = [];
  await using t = await setUp({
    intercept: (form, action) =>
      void (action.startsWith("Publish") &&
        sizes.push(
          [...form].filter(([name]) => name.endsWith("Message")).reduce((sum, [, text]) => sum + text.length, 0),
        )),
  });
  const results = await t.fanout.publish(t.broker, "news", [
    say("a".repeat(200_000)),
    say("b".repeat(100_000)),
    say("c".repeat(262_145)),
    say("d".repeat(262_144)),
    say("e".repeat(100_000)),
    say("f".repeat(100_000)),
  ]);
  assert.deepEqual(sizes, [200_000, 100_000, 262_144, 200_000]);
  assert.ok(results[2] instanceof ConfigError);
  assert.match(results[2].message, /262145.*262144.*payloads/);
  assert.deepEqual(results.map((result) => result instanceof Error), [
    false,
    false,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("a predefined FIFO topic's messages have a group and a deduplication id", async () => {
  const sent: URLSearchParams[] = [];
  await using t = await setUp({
    topics: { news: { arn: "arn:aws:sns:us-east-1:000000000000:their-news.fifo" } },
    intercept(form, action) {
      if (action !== "Publish") return;
      sent.push(form);
      return new Response("<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>");
    },
  });
  await t.fanout.publish(t.broker, "news", [say("a")]);
  assert.equal(sent[0].get("MessageGroupId"), "default");
  assert.match(sent[0].get("MessageDeduplicationId")!, /^[\w-]{36}$/);
});

Deno.test("limit() passes on what may pass later, and asks again", async () => {
  let busy = true;
  await using t = await setUp({
    intercept: (_, action) => action === "GetTopicAttributes" && busy ? error("ServiceUnavailable", 503) : undefined,
  });
  await assert.rejects(t.fanout.limit(t.broker, "news"), { awsCode: "ServiceUnavailable" });
  busy = false;
  assert.equal(await t.fanout.limit(t.broker, "news"), 262_144);
});

Deno.test("every verb of a fanout exchange ends with its signal's reason, whichever of its requests is under way", async () => {
  type Verb = (t: Setting, queue: QueueAddress, options: { readonly signal: AbortSignal }) => Promise<unknown>;
  const large = say("x".repeat(262_145));
  const silent: [action: string, verb: Verb][] = [
    ["CreateTopic", (t, _, options) => t.fanout.declare(t.broker, "alerts", options)],
    ["GetTopicAttributes", (t, _, options) => t.fanout.limit(t.broker, "news", options)],
    ["GetTopicAttributes", (t, _, options) => t.fanout.publish(t.broker, "news", [large], options)],
    ["Subscribe", (t, queue, options) => t.fanout.bind(t.broker, "news", queue, options)],
    ["GetQueueAttributes", (t, queue, options) => t.fanout.unbind(t.broker, "news", queue, options)],
    ["ListSubscriptionsByTopic", (t, queue, options) => t.fanout.unbind(t.broker, "news", queue, options)],
    ["Unsubscribe", (t, queue, options) => t.fanout.unbind(t.broker, "news", queue, options)],
    ["SetQueueAttributes", (t, queue, options) => t.fanout.unbind(t.broker, "news", queue, options)],
    ["ListSubscriptionsByTopic", (t, _, options) => t.fanout.removeStale(t.broker, "news", options)],
    ["GetQueueUrl", (t, _, options) => t.fanout.removeStale(t.broker, "news", options)],
    ["DeleteTopic", (t, _, options) => t.fanout.remove(t.broker, "news", options)],
  ];
  for (const [silentAction, verb] of silent) {
    const controller = new AbortController();
    let armed = false;
    await using t = await setUp({
      intercept(_, action, request) {
        if (!armed || action !== silentAction) return;
        controller.abort(new Error("enough"));
        assert.ok(request.signal.aborted, `${action} goes on`);
        return new Promise(() => {});
      },
    });
    const queue = await t.queue("inbox");
    await t.fanout.bind(t.broker, "news", queue);
    armed = true;
    await assert.rejects(verb(t, queue, controller), /^Error: enough$/, `${silentAction} of ${verb}`);
  }
});

Deno.test("limit() is the topic's MaximumMessageSize, asked for once; 256 KiB where it may not be read", async () => {
  let answer = new Response(
    "<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes><entry><key>MaximumMessageSize</key>" +
      "<value>1048576</value></entry></Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>",
  );
  await using t = await setUp({
    intercept: (_, action) => action === "GetTopicAttributes" ? answer : undefined,
  });
  assert.equal(await t.fanout.limit(t.broker, "news"), 1_048_576);
  assert.equal(await t.fanout.limit(t.broker, "news"), 1_048_576);
  assert.deepEqual(t.actions, ["CreateTopic", "GetTopicAttributes"]);
  answer = error("AuthorizationError", 403);
  assert.equal(await t.fanout.limit(t.broker, "alerts"), 262_144);
});

Deno.test("a topic that is gone is created once more, with the queues that were bound", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await send(t.broker, deleteTopic({ topicArn: await t.fanout.declare(t.broker, "news") }));
  const results = await t.fanout.publish(t.broker, "news", [say("a"), say("b")]);
  assert.ok(results.every((result) => !(result instanceof Error)));
  assert.equal((await t.receive(queue)).length, 2);
});

Deno.test("a topic that is gone and can't be created once more gives the reason for that", async () => {
  let created = 0;
  await using t = await setUp({
    intercept: (_, action) => action === "CreateTopic" && created++ ? error("AuthorizationError", 403) : undefined,
  });
  await send(t.broker, deleteTopic({ topicArn: await t.fanout.declare(t.broker, "news") }));
  const results = await t.fanout.publish(t.broker, "news", [say("a"), say("b")]);
  assert.equal(results.length, 2);
  for (const result of results) {
    assert.ok(result instanceof AwsError);
    assert.deepEqual([result.action, result.awsCode], ["CreateTopic", "AuthorizationError"]);
  }
});

Deno.test("a topic that is gone again, and a predefined one that is gone, are UndefinedExchangeErrors", async () => {
  const intercept: Intercept = (_, action) => action.startsWith("Publish") ? error("NotFound", 404) : undefined;
  const topics = { news: { arn: "arn:aws:sns:us-east-1:000000000000:news" } };
  for (const options of [{ intercept }, { intercept, topics }]) {
    await using t = await setUp(options);
    const [result] = await t.fanout.publish(t.broker, "news", [say("a")]);
    assert.ok(result instanceof UndefinedExchangeError);
    assert.equal(t.actions.filter((action) => action === "CreateTopic").length, options.topics ? 0 : 2);
  }
});

Deno.test("publish() that is aborted gives the reason for what was not sent", async () => {
  const controller = new AbortController();
  let batches = 0;
  await using t = await setUp({
    intercept: (_, action) =>
      void (action === "PublishBatch" && ++batches === 2 && controller.abort(new Error("enough"))),
  });
  const results = await t.fanout.publish(t.broker, "news", Array.from({ length: 30 }, () => say("x")), controller);
  assert.deepEqual(
    results.map((result) => result instanceof Error),
    Array.from({ length: 30 }, (_, index) => index > 9),
  );
  assert.equal((results[29] as Error).message, "enough");
});
