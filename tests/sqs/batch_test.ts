import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { type AwsError, ConfigError, ReceiptExpiredError } from "../../lib/errors.ts";
import { entryError } from "../../lib/sqs/batch.ts";
import { changeMessageVisibilityBatch } from "../../lib/sqs/change_message_visibility_batch.ts";
import { deleteMessageBatch } from "../../lib/sqs/delete_message_batch.ts";
import { sendMessageBatch } from "../../lib/sqs/send_message_batch.ts";

const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
const answer = (json: unknown) => new Response(JSON.stringify(json));
const deletes = (ids: string[]) =>
  deleteMessageBatch({ queueUrl, entries: ids.map((id) => ({ id, receiptHandle: "AQEB" })) });

Deno.test("a batch's parser gives good and bad entries their names, in the order they were sent in", async () => {
  const request = sendMessageBatch({
    queueUrl,
    entries: ["a", "b", "c"].map((id) => ({ id, messageBody: "x" })),
  });
  const output = await request.parse(answer({
    Successful: [
      { Id: "c", MessageId: "m3", MD5OfMessageBody: "9d", SequenceNumber: "1", MD5OfMessageAttributes: null },
      { Id: "a", MessageId: "m1" },
    ],
    Failed: [{ Id: "b", Code: "InternalError", SenderFault: false, Message: "later" }],
  }));
  assert.deepEqual(JSON.parse(JSON.stringify(output)), {
    successful: [{ id: "a", messageId: "m1" }, {
      id: "c",
      messageId: "m3",
      md5OfMessageBody: "9d",
      sequenceNumber: "1",
    }],
    failed: [{ id: "b", code: "InternalError", message: "later", senderFault: false }],
  });
});

Deno.test("a batch's parser fails an entry that the answer does not speak of, or speaks of twice", async () => {
  const output = await deletes(["a", "b", "c"]).parse(answer({
    Successful: [{ Id: "a" }, { Id: "b" }, { Id: "never-asked" }],
    Failed: [{ Id: "b", Code: "InternalError", SenderFault: false }, { Id: "nor-this", Code: "x", SenderFault: true }],
  }));
  assert.deepEqual(output.successful, [{ id: "a" }]);
  assert.deepEqual(output.failed.map(({ id, code, senderFault }) => [id, code, senderFault]), [
    ["b", "InternalError", false],
    ["c", "MissingFromAnswer", false],
  ]);
  const empty = await deletes(["a"]).parse(answer({}));
  assert.deepEqual(empty.failed.map(({ id, code }) => [id, code]), [["a", "MissingFromAnswer"]]);
});

Deno.test("a batch's parser accounts for every entry once, whatever the answer says", async () => {
  const id = fc.stringMatching(/^[\w-]{1,80}$/);
  const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 10 });
  const said = (ids: string[]) => fc.array(fc.oneof(fc.constantFrom(...ids), id), { maxLength: 12 });
  const both = ids.chain((ids) => fc.tuple(fc.constant(ids), said(ids), said(ids)));
  await fc.assert(fc.asyncProperty(both, async ([ids, good, bad]) => {
    const { successful, failed } = await deletes(ids).parse(answer({
      Successful: good.map((Id) => ({ Id })),
      Failed: bad.map((Id) => ({ Id, Code: "InternalError", SenderFault: false })),
    }));
    assert.deepEqual([...successful, ...failed].map(({ id }) => id).sort(), [...ids].sort());
  }));
});

Deno.test("a batch's parser refuses a success without its message id", async () => {
  const request = sendMessageBatch({ queueUrl, entries: [{ id: "a", messageBody: "x" }] });
  await assert.rejects(request.parse(answer({ Successful: [{ Id: "a" }] })), { awsCode: "InvalidAnswer" });
});

Deno.test("a batch is refused at once if it is empty, too long, or its ids are wrong or clash", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);
  const wrong: [string[], RegExp][] = [
    [[], /'entries'.*1 to 10.*0/],
    [ids(11), /'entries'.*11/],
    [["a", "b", "a"], /'entries\.2\.id'.*another than/],
    [["a b"], /'entries\.0\.id'/],
    [[""], /'entries\.0\.id'/],
    [["é"], /'entries\.0\.id'/],
    [["a".repeat(81)], /'entries\.0\.id'/],
  ];
  for (const [ids, says] of wrong) {
    assert.throws(() => deletes(ids), (error: Error) => error instanceof ConfigError && says.test(error.message));
  }
  assert.equal(JSON.parse(deletes(ids(10)).body).Entries.length, 10);
});

Deno.test("a batch's checks name the entry that is wrong", () => {
  const entry = { id: "a", receiptHandle: "AQEB", visibilityTimeout: 0 };
  const batch = (wrong: object) =>
    changeMessageVisibilityBatch({ queueUrl, entries: [entry, { ...entry, id: "b", ...wrong }] });
  assert.throws(() => batch({ visibilityTimeout: 43_201 }), /'entries\.1\.visibilityTimeout'/);
  assert.throws(() => batch({ receiptHandle: "" }), /'entries\.1\.receiptHandle'/);
  assert.throws(
    () => sendMessageBatch({ queueUrl, entries: [{ id: "a", messageBody: "\0" }] }),
    /'entries\.0\.messageBody'/,
  );
});

Deno.test("entryError() gives a failed entry the class of its action's own error, and says whether to try again", () => {
  const failure = { id: "a", code: "ReceiptHandleIsInvalid", message: "no", senderFault: true };
  const expired = entryError("DeleteMessageBatch", failure);
  assert.ok(expired instanceof ReceiptExpiredError);
  assert.deepEqual([expired.retryable, expired.awsCode, expired.action], [
    false,
    "ReceiptHandleIsInvalid",
    "DeleteMessageBatch",
  ]);
  const retryable = (code: string, senderFault: boolean): boolean => {
    const error: AwsError = entryError("SendMessageBatch", { ...failure, code, senderFault });
    return error.retryable;
  };
  assert.equal(retryable("InternalError", false), true);
  assert.equal(retryable("MissingFromAnswer", false), true);
  assert.equal(retryable("RequestThrottled", true), true);
  assert.equal(retryable("InvalidMessageContents", true), false);
});
