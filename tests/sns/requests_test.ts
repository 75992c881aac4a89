import assert from "node:assert/strict";
import {
  createTopic,
  deleteTopic,
  getTopicAttributes,
  listSubscriptionsByTopic,
  publish,
  publishBatch,
  setSubscriptionAttributes,
  subscribe,
  unsubscribe,
} from "../../lib/sns/mod.ts";
import type { AwsRequest } from "../../lib/types.ts";

const topicArn = "arn:aws:sns:eu-west-1:123456789012:news";
const subscriptionArn = `${topicArn}:5c1a`;
const form = (request: AwsRequest<unknown>) => Object.fromEntries(new URLSearchParams(request.body));
const answer = (xml: string, status = 200) => new Response(xml, { status });
const ok = (action: string, result = "") => answer(`<${action}Response>${result}</${action}Response>`);

Deno.test("every SNS request is a form with its action and the API's version", () => {
  const requests = [
    createTopic({ name: "news" }),
    deleteTopic({ topicArn }),
    subscribe({ topicArn, endpoint: "arn:aws:sqs:eu-west-1:123456789012:inbox" }),
    unsubscribe({ subscriptionArn }),
    listSubscriptionsByTopic({ topicArn }),
    publish({ topicArn, message: "x" }),
    publishBatch({ topicArn, entries: [{ id: "a", message: "x" }] }),
    getTopicAttributes({ topicArn }),
    setSubscriptionAttributes({ subscriptionArn, name: "RawMessageDelivery", value: true }),
  ];
  for (const request of requests) {
    assert.equal(request.service, "sns");
    assert.equal(request.method, "POST");
    assert.equal(form(request).Action, request.action);
    assert.equal(form(request).Version, "2010-03-31");
  }
});

Deno.test("every SNS request carries all that it was given, and nothing else", () => {
  const raw = { RawMessageDelivery: true };
  const requests: [AwsRequest<unknown>, Record<string, string>][] = [
    [createTopic({ name: "news" }), { Name: "news" }],
    [deleteTopic({ topicArn }), { TopicArn: topicArn }],
    [getTopicAttributes({ topicArn }), { TopicArn: topicArn }],
    [listSubscriptionsByTopic({ topicArn }), { TopicArn: topicArn }],
    [listSubscriptionsByTopic({ topicArn, nextToken: "t" }), { TopicArn: topicArn, NextToken: "t" }],
    [publish({ topicArn, message: "x", subject: "s" }), { TopicArn: topicArn, Message: "x", Subject: "s" }],
    [publishBatch({ topicArn, entries: [{ id: "a", message: "x", subject: "s" }] }), {
      TopicArn: topicArn,
      "PublishBatchRequestEntries.member.1.Id": "a",
      "PublishBatchRequestEntries.member.1.Message": "x",
      "PublishBatchRequestEntries.member.1.Subject": "s",
    }],
    [setSubscriptionAttributes({ subscriptionArn, name: "RawMessageDelivery", value: true }), {
      SubscriptionArn: subscriptionArn,
      AttributeName: "RawMessageDelivery",
      AttributeValue: "true",
    }],
    // Without ReturnSubscriptionArn, SNS answers "pending confirmation" in place of the ARN.
    [subscribe({ topicArn, endpoint: "q", attributes: raw }), {
      TopicArn: topicArn,
      Protocol: "sqs",
      Endpoint: "q",
      "Attributes.entry.1.key": "RawMessageDelivery",
      "Attributes.entry.1.value": "true",
      ReturnSubscriptionArn: "true",
    }],
    [unsubscribe({ subscriptionArn }), { SubscriptionArn: subscriptionArn }],
  ];
  for (const [request, fields] of requests) {
    const { Action: _, Version: __, ...rest } = form(request);
    assert.deepEqual(rest, fields, request.action);
  }
});

Deno.test("createTopic() flattens attributes and tags", () => {
  const { Action: _, Version: __, ...rest } = form(
    createTopic({ name: "n.fifo", attributes: { FifoTopic: true }, tags: { a: "1 & 2", b: "é" } }),
  );
  assert.deepEqual(rest, {
    Name: "n.fifo",
    "Attributes.entry.1.key": "FifoTopic",
    "Attributes.entry.1.value": "true",
    "Tags.member.1.Key": "a",
    "Tags.member.1.Value": "1 & 2",
    "Tags.member.2.Key": "b",
    "Tags.member.2.Value": "é",
  });
});

Deno.test("publish() writes attributes, group and deduplication id", () => {
  const fields = form(publish({
    topicArn,
    message: "a+b=c & d\n",
    messageAttributes: {
      bowls: { DataType: "Number", StringValue: "2" },
      raw: { DataType: "Binary", BinaryValue: "aGk=" },
      plain: "x",
      bytes: new TextEncoder().encode("hi"),
    },
    messageGroupId: "g",
    messageDeduplicationId: "d",
  }));
  assert.equal(fields.Message, "a+b=c & d\n");
  assert.equal(fields["MessageAttributes.entry.1.Name"], "bowls");
  assert.equal(fields["MessageAttributes.entry.1.Value.DataType"], "Number");
  assert.equal(fields["MessageAttributes.entry.1.Value.StringValue"], "2");
  assert.equal(fields["MessageAttributes.entry.2.Value.BinaryValue"], "aGk=");
  assert.equal(fields["MessageAttributes.entry.2.Value.StringValue"], undefined);
  assert.equal(fields["MessageAttributes.entry.3.Value.StringValue"], "x");
  assert.equal(fields["MessageAttributes.entry.4.Value.BinaryValue"], "aGk=");
  assert.equal(fields.MessageGroupId, "g");
  assert.equal(fields.MessageDeduplicationId, "d");
});

Deno.test("SNS builders refuse what SNS would refuse", () => {
  const entry = { id: "a", message: "x" };
  const wrong: [() => unknown, string][] = [
    [() => createTopic({ name: "a.b" }), "name"],
    [() => createTopic({ name: "" }), "name"],
    [() => createTopic({ name: ".fifo" }), "name"],
    [() => createTopic({ name: "n".repeat(257) }), "name"],
    [() => createTopic({ name: ["news"] as never }), "name"],
    ...[deleteTopic, getTopicAttributes, listSubscriptionsByTopic].map((build): [() => unknown, string] => [
      () => build({ topicArn: "news" }),
      "topicArn",
    ]),
    [() => publish({ topicArn: [topicArn] as never, message: "x" }), "topicArn"],
    [() => publish({ topicArn: `of ${topicArn}`, message: "x" }), "topicArn"],
    [() => publish({ topicArn, message: ["x"] as never }), "message"],
    [() => publishBatch({ topicArn: "news", entries: [entry] }), "topicArn"],
    [() => publishBatch({ topicArn, entries: { length: 1 } as never }), "entries"],
    [() => publishBatch({ topicArn, entries: undefined as never }), "entries"],
    [() => publishBatch({ topicArn, entries: [{ ...entry, id: 7 as never }] }), "entries.0.id"],
    [() => publishBatch({ topicArn, entries: [{ ...entry, message: "" }] }), "entries.0.message"],
    [() => subscribe({ topicArn: "news", endpoint: "q" }), "topicArn"],
    [() => unsubscribe({ subscriptionArn: "news" }), "subscriptionArn"],
    [() => setSubscriptionAttributes({ subscriptionArn: "news", name: "A", value: 1 }), "subscriptionArn"],
    [() => setSubscriptionAttributes({ subscriptionArn, name: "", value: 1 }), "name"],
    [() => publish({ topicArn: "news", message: "x" }), "topicArn"],
    [() => publish({ topicArn: "arn:aws:sqs:eu-west-1:1:news", message: "x" }), "topicArn"],
    [() => publish({ topicArn: "arn:aws:sns:eu-west-1:1:news\n", message: "x" }), "topicArn"],
    [() => publish({ topicArn, message: "" }), "message"],
    [() => publish({ topicArn, message: "x", messageGroupId: "a b" }), "messageGroupId"],
    [() => publish({ topicArn, message: "x", messageDeduplicationId: "d".repeat(129) }), "messageDeduplicationId"],
    [() => publishBatch({ topicArn, entries: [] }), "entries"],
    [
      () => publishBatch({ topicArn, entries: Array.from({ length: 11 }, (_, i) => ({ ...entry, id: `${i}` })) }),
      "entries",
    ],
    [() => publishBatch({ topicArn, entries: [entry, entry] }), "entries.1.id"],
    [() => publishBatch({ topicArn, entries: [{ ...entry, id: "a b" }] }), "entries.0.id"],
    [() => publish({ topicArn, message: "x", messageAttributes: { a: true as never } }), "messageAttributes.a"],
    [() => subscribe({ topicArn, endpoint: "" }), "endpoint"],
  ];
  for (const [build, path] of wrong) {
    assert.throws(build, { name: "ConfigError", message: new RegExp(`^Cannot use '${path}' as it must be`) });
  }
});

Deno.test("SNS's answers are read whole", async () => {
  const subscribed = `<SubscribeResult><SubscriptionArn>${subscriptionArn}</SubscriptionArn></SubscribeResult>`;
  assert.deepEqual(await subscribe({ topicArn, endpoint: "q" }).parse(ok("Subscribe", subscribed)), {
    subscriptionArn,
  });
  const sent = (rest: string) =>
    publish({ topicArn, message: "x" }).parse(
      ok("Publish", `<PublishResult><MessageId>m</MessageId>${rest}</PublishResult>`),
    );
  assert.deepEqual(await sent("<SequenceNumber>10</SequenceNumber>"), { messageId: "m", sequenceNumber: "10" });
  // What is empty in an answer was left out.
  assert.deepEqual(await sent("<SequenceNumber/>"), { messageId: "m", sequenceNumber: undefined });
});

Deno.test("publishBatch() counts an entry that the answer has in both lists as failed, and keeps the order", async () => {
  const entries = ["a", "b", "c"].map((id) => ({ id, message: id }));
  const output = await publishBatch({ topicArn, entries }).parse(ok(
    "PublishBatch",
    `<PublishBatchResult>
       <Successful>${
      ["c", "b", "a"].map((id) => `<member><Id>${id}</Id><MessageId>m-${id}</MessageId><SequenceNumber/></member>`)
        .join("")
    }</Successful>
       <Failed><member><Id>b</Id><SenderFault>true</SenderFault></member></Failed>
     </PublishBatchResult>`,
  ));
  assert.deepEqual(output, {
    successful: [
      { id: "a", messageId: "m-a", sequenceNumber: undefined },
      { id: "c", messageId: "m-c", sequenceNumber: undefined },
    ],
    failed: [{ id: "b", code: "Unknown", message: "", senderFault: true }],
  });
});

Deno.test("publishBatch() accounts for every entry, also for those the answer leaves out", async () => {
  const entries = ["a", "b", "c"].map((id) => ({ id, message: id }));
  const output = await publishBatch({ topicArn, entries }).parse(ok(
    "PublishBatch",
    `<PublishBatchResult>
       <Successful><member><Id>b</Id><MessageId>m-b</MessageId><SequenceNumber>10</SequenceNumber></member></Successful>
       <Failed><member><Id>a</Id><Code>InternalError</Code><Message>a &lt; b</Message><SenderFault>false</SenderFault></member></Failed>
     </PublishBatchResult>`,
  ));
  assert.deepEqual(output, {
    successful: [{ id: "b", messageId: "m-b", sequenceNumber: "10" }],
    failed: [
      { id: "a", code: "InternalError", message: "a < b", senderFault: false },
      { id: "c", code: "MissingFromAnswer", message: "the answer does not speak of this entry", senderFault: false },
    ],
  });
});

Deno.test("listSubscriptionsByTopic() reads no, one and several members, and the next page's token", async () => {
  const request = listSubscriptionsByTopic({ topicArn, nextToken: "t" });
  assert.equal(form(request).NextToken, "t");
  const member = (n: number) =>
    `<member><SubscriptionArn>${topicArn}:${n}</SubscriptionArn><Protocol>sqs</Protocol><Owner>1</Owner>` +
    `<Endpoint>q${n}</Endpoint><TopicArn>${topicArn}</TopicArn></member>`;
  const read = (inner: string) =>
    request.parse(
      ok("ListSubscriptionsByTopic", `<ListSubscriptionsByTopicResult>${inner}</ListSubscriptionsByTopicResult>`),
    );
  assert.deepEqual(await read("<Subscriptions/>"), { subscriptions: [], nextToken: undefined });
  assert.equal((await read("<Subscriptions/><NextToken/>")).nextToken, undefined);
  assert.equal((await read(`<Subscriptions>${member(1)}</Subscriptions>`)).subscriptions[0].endpoint, "q1");
  const many = await read(`<Subscriptions>${member(1)}${member(2)}</Subscriptions><NextToken>more==</NextToken>`);
  assert.deepEqual(many.subscriptions.map(({ endpoint }) => endpoint), ["q1", "q2"]);
  assert.equal(many.nextToken, "more==");
});

Deno.test("getTopicAttributes() reads the attributes by name", async () => {
  const { attributes } = await getTopicAttributes({ topicArn }).parse(ok(
    "GetTopicAttributes",
    `<GetTopicAttributesResult><Attributes><entry><key>DisplayName</key><value/></entry>
     <entry><key>MaximumMessageSize</key><value>1048576</value></entry></Attributes></GetTopicAttributesResult>`,
  ));
  assert.deepEqual({ ...attributes }, { DisplayName: "", MaximumMessageSize: "1048576" });
});

Deno.test("SNS answers that are errors, cut off, hostile or not XML are typed errors", async () => {
  const parse = (body: string, status: number) => publish({ topicArn, message: "x" }).parse(answer(body, status));
  await assert.rejects(
    parse(
      "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message></Error></ErrorResponse>",
      404,
    ),
    { name: "AwsError", awsCode: "NotFound", status: 404, service: "sns", action: "Publish", retryable: false },
  );
  const hostile = [
    "<PublishResponse><PublishResult><MessageId>1</Messa",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><PublishResponse>&b;</PublishResponse>",
    "<html><body>proxy</body></html>",
    "<PublishResponse><PublishResult/></PublishResponse>",
    "",
  ];
  for (const body of hostile) await assert.rejects(parse(body, 200), { name: "AwsError", awsCode: "InvalidAnswer" });
});
