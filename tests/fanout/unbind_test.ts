import assert from "node:assert/strict";
import { connect } from "../../lib/connect.ts";
import { AwsError, UnableToUnsubscribeQueueError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { subscribe } from "../../lib/sns/subscribe.ts";
import { deleteQueue } from "../../lib/sqs/delete_queue.ts";
import { type Intercept, setUp } from "./setup.ts";

const NEWS = "arn:aws:sns:us-east-1:000000000000:news";

/** SNS does not let us unsubscribe. */
const refused: Intercept = (_, action) => {
  if (action !== "Unsubscribe") return;
  const answer = "<ErrorResponse><Error><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>";
  return new Response(answer, { status: 403 });
};

/** SNS lists one subscription. */
const lists = (subscription: string): Intercept => (_, action) => {
  if (action !== "ListSubscriptionsByTopic") return;
  const page = `<Subscriptions><member>${subscription}</member></Subscriptions>`;
  const result = `<ListSubscriptionsByTopicResult>${page}</ListSubscriptionsByTopicResult>`;
  return new Response(`<ListSubscriptionsByTopicResponse>${result}</ListSubscriptionsByTopicResponse>`);
};

Deno.test("unbind() ends the subscription and takes back our statement, and no other", async () => {
  await using t = await setUp();
  const foreign = { Sid: "theirs", Effect: "Deny" };
  const queue = await t.queue("inbox", JSON.stringify({ Version: "2012-10-17", Statement: foreign }));
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.bind(t.broker, "alerts", queue);
  await t.fanout.unbind(t.broker, "news", queue);
  assert.deepEqual(await t.subscriptions(NEWS), []);
  const sids = JSON.parse((await t.policy(queue))!).Statement.map((one: { Sid: string }) => one.Sid);
  assert.deepEqual(sids, ["theirs", "dashi-arn:aws:sns:us-east-1:000000000000:alerts"]);
  await t.fanout.publish(t.broker, "news", [{ body: "soup", messageAttributes: {} }]);
  assert.deepEqual(await t.receive(queue), []);
});

Deno.test("unbind() leaves no policy where ours was the only statement", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.unbind(t.broker, "news", queue);
  assert.equal(await t.policy(queue) || undefined, undefined);
});

Deno.test("unbind() of another process finds the topic by our statement, and creates none", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  const alerts = await t.fanout.declare(t.broker, "alerts");
  await t.fanout.bind(t.broker, "alerts", queue);
  const other = connect(t.connectOptions);
  t.actions.length = 0;
  await t.fanout.unbind(other, "news", queue);
  assert.deepEqual(await t.subscriptions(NEWS), []);
  assert.equal((await t.subscriptions(alerts)).length, 1);
  await t.fanout.unbind(other, "never", queue);
  assert.ok(!t.actions.includes("CreateTopic"), t.actions.join());
});

Deno.test("unbind() of a queue that is gone ends its subscription", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  const other = await t.queue("xinbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.bind(t.broker, "news", other);
  const elsewhere = "arn:aws:sqs:eu-west-1:000000000000:inbox"; // its namesake in another region
  await send(t.broker, subscribe({ topicArn: NEWS, endpoint: elsewhere }));
  await send(t.broker, deleteQueue({ queueUrl: queue.url }));
  await t.fanout.unbind(t.broker, "news", queue);
  assert.deepEqual(
    (await t.subscriptions(NEWS)).map(({ endpoint }) => endpoint).sort(),
    [elsewhere, "arn:aws:sqs:us-east-1:000000000000:xinbox"],
  );
});

Deno.test("unbind() from a topic that is gone takes back our statement", async () => {
  const answer =
    "<ErrorResponse><Error><Code>NotFound</Code><Message>Topic does not exist</Message></Error></ErrorResponse>";
  await using t = await setUp({
    intercept: (_, action) => action === "ListSubscriptionsByTopic" ? new Response(answer, { status: 404 }) : undefined,
  });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.unbind(t.broker, "news", queue);
  assert.equal(await t.policy(queue) || undefined, undefined);
});

Deno.test("unbind() that SNS refuses is an UnableToUnsubscribeQueueError", async () => {
  await using t = await setUp({ intercept: refused });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await assert.rejects(t.fanout.unbind(t.broker, "news", queue), (error) => {
    assert.ok(error instanceof UnableToUnsubscribeQueueError && error instanceof AwsError);
    assert.deepEqual([error.service, error.action, error.awsCode], ["sns", "Unsubscribe", "AuthorizationError"]);
    return true;
  });
});

Deno.test("unbind() that may pass later fails with what AWS said, and leaves the binding", async () => {
  const busy = "<ErrorResponse><Error><Code>ServiceUnavailable</Code><Message>no</Message></Error></ErrorResponse>";
  const faults: Record<string, () => Response> = {
    GetQueueAttributes: () =>
      Response.json({ __type: "com.amazon.coral.service#AccessDeniedException", message: "no" }, { status: 403 }),
    ListSubscriptionsByTopic: () => new Response(busy, { status: 503 }),
    Unsubscribe: () => new Response(busy, { status: 503 }),
  };
  let wrong = "";
  await using t = await setUp({ intercept: (_, action) => action === wrong ? faults[action]() : undefined });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  const policy = await t.policy(queue);
  for (const action of Object.keys(faults)) {
    wrong = action;
    const code = action === "GetQueueAttributes" ? "AccessDeniedException" : "ServiceUnavailable";
    await assert.rejects(t.fanout.unbind(t.broker, "news", queue), (error) => {
      assert.ok(error instanceof AwsError && !(error instanceof UnableToUnsubscribeQueueError));
      assert.deepEqual([error.action, error.awsCode], [action, code]);
      return true;
    });
    wrong = "";
    assert.equal((await t.subscriptions(NEWS)).length, 1, action);
    assert.equal(await t.policy(queue), policy, action);
  }
});

Deno.test("unbind() of a queue that nobody bound changes nothing, whether it has no policy or is gone", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.unbind(t.broker, "news", queue);
  assert.equal(await t.policy(queue), undefined);
  await send(t.broker, deleteQueue({ queueUrl: queue.url }));
  t.actions.length = 0;
  await t.fanout.unbind(t.broker, "news", queue);
  assert.deepEqual(t.actions, ["GetQueueAttributes"]);
});

Deno.test("remove() deletes the topic and takes back the statements of the queues we bound", async () => {
  await using t = await setUp();
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.remove(t.broker, "news");
  assert.ok(t.actions.includes("DeleteTopic"));
  assert.equal(await t.policy(queue) || undefined, undefined);
  t.actions.length = 0;
  await t.fanout.declare(t.broker, "news");
  assert.deepEqual(t.actions, ["CreateTopic"]); // the ARN was forgotten
});

Deno.test("removeStale() ends subscriptions of our own account whose queue is gone, over all pages", async () => {
  await using t = await setUp();
  const alive = await t.queue("alive");
  await t.fanout.bind(t.broker, "news", alive);
  const endpoints = [
    ...Array.from({ length: 120 }, (_, index) => `arn:aws:sqs:us-east-1:000000000000:gone-${index}`),
    "arn:aws:sqs:us-east-1:999999999999:theirs",
  ];
  for (const endpoint of endpoints) await send(t.broker, subscribe({ topicArn: NEWS, endpoint }));
  assert.equal((await t.fanout.removeStale(t.broker, "news")).length, 120);
  assert.ok(t.actions.filter((action) => action === "ListSubscriptionsByTopic").length > 1, "more than one page");
  assert.deepEqual((await t.subscriptions(NEWS)).map(({ endpoint }) => endpoint.split(":").slice(4).join()).sort(), [
    "000000000000,alive",
    "999999999999,theirs",
  ]);
});

Deno.test("removeStale() leaves another account's subscription, whosever queue it was for", async () => {
  const theirs = "<SubscriptionArn>arn:aws:sns:us-east-1:000000000000:news:1</SubscriptionArn>" +
    "<Owner>999999999999</Owner><Protocol>sqs</Protocol>" +
    `<Endpoint>arn:aws:sqs:us-east-1:000000000000:gone</Endpoint><TopicArn>${NEWS}</TopicArn>`;
  await using t = await setUp({ intercept: lists(theirs) });
  assert.deepEqual(await t.fanout.removeStale(t.broker, "news"), []);
  assert.ok(t.actions.includes("ListSubscriptionsByTopic") && !t.actions.includes("Unsubscribe"), `${t.actions}`);
});

Deno.test("removeStale() looks for a queue in the region of its ARN, and takes nothing but queues for queues", async () => {
  const regions: (string | undefined)[] = [];
  await using t = await setUp({
    intercept(_, action, request) {
      if (action !== "GetQueueUrl") return;
      regions.push(/\/([\w-]+)\/sqs\/aws4_request/.exec(request.headers.get("authorization")!)?.[1]);
    },
  });
  const topicArn = await t.fanout.declare(t.broker, "news");
  for (const endpoint of ["sqs:eu-north-1:000000000000:far", "lambda:us-east-1:000000000000:function"]) {
    await send(t.broker, subscribe({ topicArn, endpoint: `arn:aws:${endpoint}` }));
  }
  assert.equal((await t.fanout.removeStale(t.broker, "news")).length, 1);
  assert.deepEqual(regions, ["eu-north-1"]);
  assert.deepEqual((await t.subscriptions(topicArn)).map(({ endpoint }) => endpoint.split(":")[2]), ["lambda"]);
});

Deno.test("removeStale() leaves a predefined topic's subscriptions, and tells of that", async () => {
  await using t = await setUp({ topics: { news: { arn: NEWS } } });
  assert.deepEqual(await t.fanout.removeStale(t.broker, "news"), []);
  assert.deepEqual(t.actions, []);
  assert.deepEqual(t.events.map((event) => event.type === "warning" && /'news'/.test(event.message)), [true]);
});

Deno.test("removeStale() and unbind() mind no subscription that ended meanwhile, and tell of each that did", async () => {
  const gone = "<ErrorResponse><Error><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>";
  await using t = await setUp({
    intercept: (_, action) => action === "Unsubscribe" ? new Response(gone, { status: 404 }) : undefined,
  });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  const [{ subscriptionArn }] = await t.subscriptions(NEWS);
  const ends = () =>
    t.events.flatMap((event) => event.type === "topology" && event.operation === "unsubscribe" ? [event.resource] : []);
  await t.fanout.unbind(t.broker, "news", queue);
  assert.deepEqual(ends(), [subscriptionArn]);
  assert.equal(await t.policy(queue) || undefined, undefined);
  await send(t.broker, deleteQueue({ queueUrl: queue.url }));
  assert.deepEqual(await t.fanout.removeStale(t.broker, "news"), [subscriptionArn]);
  assert.deepEqual(ends(), [subscriptionArn, subscriptionArn]);
});

Deno.test("unbind() asks nothing of a subscription that is not confirmed: it has no ARN to end", async () => {
  const pending = "<SubscriptionArn>PendingConfirmation</SubscriptionArn><Protocol>sqs</Protocol>" +
    `<Endpoint>arn:aws:sqs:us-east-1:000000000000:inbox</Endpoint><TopicArn>${NEWS}</TopicArn>`;
  await using t = await setUp({ intercept: lists(pending) });
  const queue = await t.queue("inbox");
  await t.fanout.bind(t.broker, "news", queue);
  await t.fanout.unbind(t.broker, "news", queue);
  assert.ok(!t.actions.includes("Unsubscribe"));
});

Deno.test("unbind() takes no statement for a topic's that names something else", async () => {
  const odd = { Sid: "dashi-arn:aws:sqs:us-east-1:000000000000:news", Effect: "Deny" };
  await using t = await setUp();
  const queue = await t.queue("inbox", JSON.stringify({ Statement: [odd] }));
  await t.fanout.unbind(t.broker, "news", queue);
  assert.deepEqual(JSON.parse((await t.policy(queue))!).Statement, [odd]);
});

Deno.test("removeStale() takes no subscription for removed that SNS does not end", async () => {
  await using t = await setUp({ intercept: refused });
  const topicArn = await t.fanout.declare(t.broker, "news");
  await send(t.broker, subscribe({ topicArn, endpoint: "arn:aws:sqs:us-east-1:000000000000:gone" }));
  await assert.rejects(t.fanout.removeStale(t.broker, "news"), { awsCode: "AuthorizationError" });
  assert.ok(
    !t.events.some((event) => event.type === "topology" && event.operation === "unsubscribe"),
    "no event tells of an end",
  );
});

Deno.test("removeStale() takes a queue that it may not see for one that is there", async () => {
  await using t = await setUp({
    intercept: (_, action) =>
      action === "GetQueueUrl"
        ? Response.json({ __type: "com.amazonaws.sqs#AccessDenied", message: "no" }, { status: 403 })
        : undefined,
  });
  const topicArn = await t.fanout.declare(t.broker, "news");
  await send(t.broker, subscribe({ topicArn, endpoint: "arn:aws:sqs:us-east-1:000000000000:hidden" }));
  await assert.rejects(t.fanout.removeStale(t.broker, "news"), { name: "AccessDeniedQueueError" });
  assert.equal((await t.subscriptions(topicArn)).length, 1);
});
