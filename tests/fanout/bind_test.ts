import assert from "node:assert/strict";
import {
  AccessDeniedQueueError,
  AwsError,
  CredentialsError,
  UnableToSubscribeQueueError,
  UndefinedExchangeError,
} from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { createTopic } from "../../lib/sns/create_topic.ts";
import { subscribe } from "../../lib/sns/subscribe.ts";
import { deleteTopic } from "../../lib/sns/delete_topic.ts";
import { setUp } from "./setup.ts";

const foreign = {
  Version: "2008-10-17",
  Id: "theirs",
  Statement: [
    { Sid: "KombuManaged", Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "SQS:SendMessage" },
    { Effect: "Deny", Principal: "*", Action: "sqs:*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
  ],
};
const message = { body: "soup", messageAttributes: {} };

Deno.test("a FIFO exchange fans out to three queues, one of them FIFO, and a foreign policy stays intact", async () => {
  await using t = await setUp();
  const queues = [
    await t.queue("a", JSON.stringify(foreign)),
    await t.queue("b"),
    await t.queue("c.fifo"),
  ];
  for (const queue of queues) await t.fanout.bind(t.broker, "news.fifo", queue);
  const [receipt] = await t.fanout.publish(t.broker, "news.fifo", [message]);
  assert.ok(!(receipt instanceof Error) && receipt.messageId);
  for (const queue of queues) {
    const [received] = await t.receive(queue);
    assert.equal(received?.Body, "soup", queue.name); // raw: no envelope of SNS
  }
  const policy = JSON.parse((await t.policy(queues[0]))!);
  assert.equal(policy.Version, foreign.Version);
  assert.equal(policy.Id, foreign.Id);
  assert.deepEqual(policy.Statement.slice(0, 2), foreign.Statement);
  assert.equal(policy.Statement.length, 3);
});

Deno.test("bind() adds one statement for each topic, whose condition names it", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await Promise.all(["news", "alerts", "news"].map((exchange) => t.fanout.bind(t.broker, exchange, queue)));
  await t.fanout.bind(t.broker, "news", queue);
  const { Statement } = JSON.parse((await t.policy(queue))!);
  const arn = (name: string) => `arn:aws:sns:us-east-1:000000000000:${name}`;
  assert.deepEqual(
    Statement.map((one: { Sid: string }) => one.Sid).sort(),
    [`dashi-${arn("alerts")}`, `dashi-${arn("news")}`],
  );
  assert.deepEqual(Statement.find((one: { Sid: string }) => one.Sid.endsWith(":news")), {
    Sid: `dashi-${arn("news")}`,
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: "arn:aws:sqs:us-east-1:000000000000:inbox",
    Condition: { ArnEquals: { "aws:SourceArn": arn("news") } },
  });
  assert.equal((await t.subscriptions(arn("news"))).length, 1);
});

Deno.test("bind() lets the topic send before it subscribes the queue", async () => {
  await using t = await setUp();
  await t.fanout.bind(t.broker, "news", await t.queue("inbox"));
  assert.ok(t.actions.indexOf("SetQueueAttributes") < t.actions.indexOf("Subscribe"));
  const news = t.events.flatMap((event) => event.type === "topology" ? [event] : []);
  assert.deepEqual(news.map(({ operation }) => operation), ["create", "policy", "subscribe"]);
  const [{ subscriptionArn }] = await t.subscriptions("arn:aws:sns:us-east-1:000000000000:news");
  assert.equal(news[2].resource, subscriptionArn);
});

Deno.test("bind() again writes no policy", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  t.actions.length = 0;
  await t.fanout.bind(t.broker, "news", queue);
  assert.deepEqual(t.actions, ["GetQueueAttributes", "Subscribe"]);
});

Deno.test("bind() creates the topic under the canonical name with kombu's two tags", async () => {
  const forms: URLSearchParams[] = [];
  await using t = await setUp({
    connect: { queueNamePrefix: "prod." },
    intercept: (form, action) => void (action === "CreateTopic" && forms.push(form)),
  });
  await t.fanout.bind(t.broker, "the:news", await t.queue("inbox"));
  assert.equal(forms.length, 1);
  const { Action: _, Version: __, ...fields } = Object.fromEntries(forms[0]);
  assert.deepEqual(fields, {
    Name: "prod-the_news",
    "Tags.member.1.Key": "ManagedBy",
    "Tags.member.1.Value": "Celery/Kombu",
    "Tags.member.2.Key": "Description",
    "Tags.member.2.Value": "This SNS topic is used by Kombu to enable Fanout support for AWS SQS.",
  });
});

Deno.test("an existing topic with other tags is used, without ours", async () => {
  await using t = await setUp();
  const { topicArn } = await send(t.broker, createTopic({ name: "news", tags: { ManagedBy: "somebody" } }));
  assert.equal(await t.fanout.declare(t.broker, "news"), topicArn);
});

Deno.test("a FIFO exchange's topic is created as one, also where it has other tags", async () => {
  const forms: URLSearchParams[] = [];
  await using t = await setUp({
    tags: { team: "shop" },
    intercept: (form, action) => void (action === "CreateTopic" && forms.push(form)),
  });
  const attributes = { FifoTopic: true };
  await send(t.broker, createTopic({ name: "news.fifo", attributes, tags: { team: "other" } }));
  assert.match(await t.fanout.declare(t.broker, "news.fifo"), /:news\.fifo$/);
  await t.fanout.declare(t.broker, "plain");
  const fields = forms.map((form) => [form.get("Attributes.entry.1.key"), form.get("Tags.member.1.Value")]);
  assert.deepEqual(fields, [
    ["FifoTopic", "other"],
    ["FifoTopic", "shop"],
    ["FifoTopic", null],
    [null, "shop"],
  ]);
});

Deno.test("a topic that SNS does not let us create is not asked for again without tags", async () => {
  const answer = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>";
  await using t = await setUp({
    intercept: (_, action) => action === "CreateTopic" ? new Response(answer, { status: 403 }) : undefined,
  });
  await assert.rejects(t.fanout.declare(t.broker, "news"), { awsCode: "AuthorizationError" });
  assert.deepEqual(t.actions, ["CreateTopic"]);
});

Deno.test("a predefined exchange is known by its name as it is written, and by the canonical one", async () => {
  const topics = { "the.news": { arn: "arn:aws:sns:us-east-1:1:a" }, "p-b": { arn: "arn:aws:sns:us-east-1:1:b" } };
  await using t = await setUp({ topics, connect: { queueNamePrefix: "p." } });
  assert.equal(await t.fanout.declare(t.broker, "the.news"), "arn:aws:sns:us-east-1:1:a");
  assert.equal(await t.fanout.declare(t.broker, "b"), "arn:aws:sns:us-east-1:1:b");
});

Deno.test("fifty callers create a topic once", async () => {
  await using t = await setUp();
  await Promise.all(Array.from({ length: 50 }, () => t.fanout.declare(t.broker, "news")));
  await t.fanout.declare(t.broker, "news");
  assert.deepEqual(t.actions, ["CreateTopic"]);
});

Deno.test("bind() sets raw delivery where the queue is subscribed without", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  const topicArn = await t.fanout.declare(t.broker, "news");
  const others = [await t.queue("a-before"), await t.queue("z-after")];
  for (const name of ["a-before", "inbox", "z-after"]) {
    const endpoint = `arn:aws:sqs:us-east-1:000000000000:${name}`;
    await send(t.broker, subscribe({ topicArn, endpoint, attributes: { RawMessageDelivery: false } }));
  }
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.publish(t.broker, "news", [message]);
  assert.equal((await t.receive(queue))[0].Body, "soup");
  for (const other of others) {
    assert.equal(JSON.parse((await t.receive(other))[0].Body).Message, "soup", "another queue's stays as it is");
  }
});

Deno.test("bind() fails where SNS says that the queue is subscribed otherwise, and does not show how", async () => {
  await using t = await setUp({
    intercept: (_, action) =>
      action === "ListSubscriptionsByTopic"
        ? new Response(
          "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions/>" +
            "</ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>",
        )
        : undefined,
  });
  const queue = await t.queue("inbox");
  const topicArn = await t.fanout.declare(t.broker, "news");
  const endpoint = "arn:aws:sqs:us-east-1:000000000000:inbox";
  await send(t.broker, subscribe({ topicArn, endpoint, attributes: { RawMessageDelivery: false } }));
  await assert.rejects(t.fanout.bind(t.broker, "news", queue), (error) => {
    assert.ok(error instanceof UnableToSubscribeQueueError);
    return /already exists with different attributes/.test(error.message);
  });
});

Deno.test("bind() and unbind() pass on that a provider has no keys: SNS refused nothing", async () => {
  const none = () => Promise.reject(new CredentialsError("no keys"));
  await using t = await setUp({
    topics: { news: { arn: "arn:aws:sns:us-east-1:000000000000:news", credentials: none } },
  });
  const queue = await t.queue("inbox");
  await assert.rejects(t.fanout.bind(t.broker, "news", queue), { name: "CredentialsError" });
  await assert.rejects(t.fanout.unbind(t.broker, "news", queue), { name: "CredentialsError" });
});

Deno.test("bind() takes a Statement that is an object, and mends a statement of ours that differs", async () => {
  await using t = await setUp();
  const lone = await t.queue("lone", JSON.stringify({ ...foreign, Statement: foreign.Statement[1] }));
  await t.fanout.bind(t.broker, "news", lone);
  const { Statement } = JSON.parse((await t.policy(lone))!);
  assert.deepEqual(Statement[0], foreign.Statement[1]);
  const broken = { ...Statement[1], Resource: "*" };
  const other = await t.queue("other", JSON.stringify({ Statement: [broken, broken, foreign.Statement[0]] }));
  await t.fanout.bind(t.broker, "news", other);
  const mended = JSON.parse((await t.policy(other))!).Statement;
  assert.deepEqual(mended[0], foreign.Statement[0]);
  assert.equal(mended[1].Resource, "arn:aws:sqs:us-east-1:000000000000:other");
  assert.equal(mended.length, 2);
});

Deno.test("a policy that can't be read is an error that does not show it, and is never replaced", async () => {
  await using t = await setUp();
  const unreadable = ["secret{", "null", "[]", '"secret"', "7", '{"Statement":"secret"}', '{"Statement":null}'];
  for (const [index, text] of unreadable.entries()) {
    const queue = await t.queue(`q${index}`, text);
    await assert.rejects(t.fanout.bind(t.broker, "news", queue), (error: Error) => {
      assert.ok(error instanceof UnableToSubscribeQueueError);
      assert.match(error.message, /policy/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.equal(await t.policy(queue), text);
  }
});

Deno.test("a policy with hostile names goes through as it is, and touches no prototype", async () => {
  await using t = await setUp();
  const text = '{"__proto__":{"polluted":1},"Statement":[{"__proto__":{"Sid":"x"},"constructor":1},null,"odd"]}';
  const queue = await t.queue("inbox", text);
  await t.fanout.bind(t.broker, "news", queue);
  const policy = (await t.policy(queue))!;
  assert.ok(policy.startsWith(text.slice(0, -2)), policy);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
});

Deno.test("a policy that somebody writes over ours at the same time ends with both changes", async () => {
  let races = 2;
  await using t = await setUp({
    async intercept(_, action, request) {
      if (action !== "SetQueueAttributes" || !races--) return;
      const answer = await fetch(request.clone());
      // Another program, which had read the policy before us, writes its own.
      const { QueueUrl } = await request.clone().json();
      const theirs = await fetch(
        new Request(request, {
          body: JSON.stringify({ QueueUrl, Attributes: { Policy: JSON.stringify(foreign) } }),
        }),
      );
      await theirs.body?.cancel();
      return answer;
    },
  });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  const { Statement } = JSON.parse((await t.policy(queue))!);
  assert.deepEqual(Statement.slice(0, 2), foreign.Statement);
  assert.equal(Statement.length, 3);
});

Deno.test("a policy that never keeps our statement is an error after six tries", async () => {
  let writes = 0;
  await using t = await setUp({
    intercept(_, action) {
      if (action !== "SetQueueAttributes") return undefined;
      writes++;
      return new Response("{}");
    },
  });
  await assert.rejects(
    t.fanout.bind(t.broker, "news", await t.queue("inbox")),
    (error) => error instanceof UnableToSubscribeQueueError && /6 changes did not last/.test(error.message),
  );
  assert.equal(writes, 6);
});

Deno.test("a policy that SQS does not let us write is that error, and nothing is subscribed", async () => {
  await using t = await setUp({
    intercept: (_, action) =>
      action === "SetQueueAttributes"
        ? Response.json({ __type: "com.amazon.coral.service#AccessDeniedException", message: "no" }, { status: 403 })
        : undefined,
  });
  await assert.rejects(t.fanout.bind(t.broker, "news", await t.queue("inbox")), AccessDeniedQueueError);
  assert.deepEqual(await t.subscriptions(await t.fanout.declare(t.broker, "news")), []);
});

Deno.test("bind() creates a topic anew that was deleted since", async () => {
  await using t = await setUp();
  const topicArn = await t.fanout.declare(t.broker, "news");
  await send(t.broker, deleteTopic({ topicArn }));
  await t.fanout.bind(t.broker, "news", await t.queue("inbox"));
  assert.equal((await t.subscriptions(topicArn)).length, 1);
});

Deno.test("what SNS refuses on bind is an UnableToSubscribeQueueError with the cause, what may pass later is not", async () => {
  let status = 403;
  let code = "AuthorizationError";
  await using t = await setUp({
    intercept: (_, action) =>
      action === "Subscribe"
        ? new Response(`<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`, {
          status,
        })
        : undefined,
  });
  const queue = await t.queue("inbox");
  await assert.rejects(t.fanout.bind(t.broker, "news", queue), (error: Error) => {
    assert.ok(error instanceof UnableToSubscribeQueueError);
    assert.equal((error.cause as { awsCode: string }).awsCode, "AuthorizationError");
    assert.ok(error instanceof AwsError, "AWS's answer caused it");
    const { name, service, action, status, awsCode, retryable } = error;
    assert.deepEqual([name, service, action, status], ["UnableToSubscribeQueueError", "sns", "Subscribe", 403]);
    assert.deepEqual([awsCode, retryable], ["AuthorizationError", false]);
    return true;
  });
  [status, code] = [503, "ServiceUnavailable"];
  await assert.rejects(t.fanout.bind(t.broker, "news", queue), { name: "AwsError", retryable: true });
});

Deno.test("a predefined exchange uses its ARN, region and keys, and is neither created nor deleted", async () => {
  const seen: string[] = [];
  await using t = await setUp({
    topics: {
      news: {
        arn: "arn:aws:sns:eu-west-1:000000000000:their-news",
        credentials: { accessKeyId: "AKIDOTHER", secretAccessKey: "s" },
      },
    },
    intercept(_, action, request) {
      seen.push(`${action} ${/Credential=(\w+)\/\d+\/([\w-]+)/.exec(request.headers.get("authorization")!)!.slice(1)}`);
    },
  });
  const mine = { region: "eu-west-1" };
  await send(t.broker, createTopic({ name: "their-news" }), mine);
  seen.length = 0;
  assert.equal(await t.fanout.declare(t.broker, "news"), "arn:aws:sns:eu-west-1:000000000000:their-news");
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.publish(t.broker, "news", [message]);
  const received = await t.receive(queue);
  await t.fanout.unbind(t.broker, "news", queue);
  await t.fanout.remove(t.broker, "news");
  assert.deepEqual(await t.fanout.removeStale(t.broker, "news"), []);
  assert.deepEqual(seen.filter((line) => /Topic|Subscribe|Publish|Unsub/.test(line)), [
    "Subscribe AKIDOTHER,eu-west-1",
    "Publish AKIDOTHER,eu-west-1",
    "ListSubscriptionsByTopic AKIDOTHER,eu-west-1",
    "Unsubscribe AKIDOTHER,eu-west-1",
  ]);
  assert.equal(received[0].Body, "soup");
  await assert.rejects(t.fanout.declare(t.broker, "other"), UndefinedExchangeError);
  await assert.rejects(t.fanout.publish(t.broker, "__proto__", [message]), UndefinedExchangeError);
});

Deno.test("an answer without the queue's ARN changes no policy", async () => {
  await using t = await setUp({
    intercept: (_, action) => action === "GetQueueAttributes" ? Response.json({ Attributes: {} }) : undefined,
  });
  const queue = await t.queue("a");
  await assert.rejects(
    t.fanout.bind(t.broker, "news", queue),
    /Cannot subscribe the queue 'a' .*: 'a' has no ARN/,
  );
  assert.ok(!t.actions.includes("SetQueueAttributes") && !t.actions.includes("Subscribe"));
});
