import assert from "node:assert/strict";
import { unwrapSns } from "../../lib/codec/unwrap_sns.ts";

const notification = {
  Type: "Notification",
  MessageId: "dc1e94d9-56c5-5e96-808d-cc7f68faa162",
  TopicArn: "arn:aws:sns:us-east-2:111122223333:news",
  Subject: "Hi",
  Message: '{"id":1}',
  Timestamp: "2021-02-16T21:41:19.978Z",
  SignatureVersion: "1",
  MessageAttributes: {
    kind: { Type: "String", Value: "a" },
    list: { Type: "String.Array", Value: '["a"]' },
    count: { Type: "Number", Value: "3" },
    raw: { Type: "Binary", Value: "/wA=" },
  },
};

Deno.test("unwrapSns() gives message and attributes of a notification", () => {
  assert.deepEqual(unwrapSns(JSON.stringify(notification, null, 2)), {
    body: '{"id":1}',
    messageAttributes: { kind: "a", list: '["a"]', count: 3, raw: Uint8Array.of(255, 0) },
  });
  const { MessageAttributes: _, ...bare } = notification;
  assert.deepEqual(unwrapSns(JSON.stringify(bare)), { body: '{"id":1}', messageAttributes: {} });
});

Deno.test("unwrapSns() leaves everything else alone", () => {
  for (
    const other of [
      { ...notification, Type: "SubscriptionConfirmation" },
      { ...notification, TopicArn: undefined },
      { ...notification, TopicArn: "news" },
      { ...notification, MessageId: undefined },
      { ...notification, Message: { id: 1 } },
      { ...notification, MessageAttributes: { a: 1 } },
      { ...notification, MessageAttributes: { a: { Type: "Binary", Value: "!" } } },
      { note: notification },
      [notification],
    ]
  ) assert.equal(unwrapSns(JSON.stringify(other)), undefined, JSON.stringify(other));
  for (const text of ["", "hello", '{"TopicArn":', `{"TopicArn":${"[".repeat(1e5)}`]) {
    assert.equal(unwrapSns(text), undefined);
  }
});

Deno.test("unwrapSns() lets no attribute reach a prototype", () => {
  const body = JSON.stringify(notification).replace('"kind"', '"__proto__"');
  const { messageAttributes } = unwrapSns(body)!;
  assert.equal(Object.getPrototypeOf(messageAttributes), Object.prototype);
  assert.ok(Object.hasOwn(messageAttributes, "__proto__"));
});
