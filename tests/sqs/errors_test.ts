import assert from "node:assert/strict";
import { AccessDeniedQueueError, AwsError, DoesNotExistQueueError, ReceiptExpiredError } from "../../lib/errors.ts";
import { changeMessageVisibility } from "../../lib/sqs/change_message_visibility.ts";
import { sendMessageBatch } from "../../lib/sqs/send_message_batch.ts";

const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
const request = changeMessageVisibility({ queueUrl, receiptHandle: "AQEB", visibilityTimeout: 1 });

async function errorOf(
  fault: { type?: string; message?: string; status?: number; headers?: Record<string, string>; field?: string },
): Promise<AwsError> {
  const { type, message = "Something is wrong.", status = 400, headers, field = "message" } = fault;
  const body = JSON.stringify({ __type: type, [field]: message });
  try {
    await request.parse(new Response(body, { status, headers: { "x-amzn-requestid": "req-1", ...headers } }));
  } catch (error) {
    assert.ok(error instanceof AwsError);
    assert.deepEqual([error.service, error.action, error.status, error.requestId], [
      "sqs",
      "ChangeMessageVisibility",
      status,
      "req-1",
    ]);
    return error;
  }
  throw new Error("it did not fail");
}

const handle = "A".repeat(400);
const expired = `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`;
const rows: [string, string, typeof AwsError, RegExp][] = [
  ["com.amazonaws.sqs#QueueDoesNotExist", "gone", DoesNotExistQueueError, /declareQueue\(\).*'region'/],
  ["com.amazonaws.sqs#AWS.SimpleQueueService.NonExistentQueue", "gone", DoesNotExistQueueError, /declareQueue/],
  ["com.amazonaws.sqs#ReceiptHandleIsInvalid", "bad", ReceiptExpiredError, /received by another consumer/],
  ["com.amazonaws.sqs#MessageNotInflight", "bad", ReceiptExpiredError, /visible again/],
  ["com.amazonaws.sqs#InvalidParameterValue", expired, ReceiptExpiredError, /: Value … for .* expired\. \(the message/],
  ["com.amazon.coral.service#InvalidParameterValueException", expired, ReceiptExpiredError, /expired/],
  [
    "com.amazonaws.sqs#InvalidParameterValue",
    "Total VisibilityTimeout is beyond the limit [43200 seconds]",
    AwsError,
    /43200 seconds\]$/,
  ],
  ["com.amazon.coral.service#AccessDeniedException", "no", AccessDeniedQueueError, /need sqs:ChangeMessageVisibility/],
  ["com.amazonaws.sqs#AccessDenied", "no", AccessDeniedQueueError, /need sqs:/],
  ["com.amazonaws.sqs#KmsAccessDenied", "no", AccessDeniedQueueError, /kms:GenerateDataKey and kms:Decrypt/],
  ["com.amazon.coral.service#ExpiredTokenException", "over", AwsError, /session token is over.*provider/],
  ["com.amazon.coral.service#UnrecognizedClientException", "no", AwsError, /check the access key/],
  ["InvalidClientTokenId", "no", AwsError, /check the access key/],
  ["com.amazon.coral.service#InvalidSignatureException", "no", AwsError, /secret.*clock/],
  ["com.amazon.coral.service#MissingAuthenticationTokenException", "no", AwsError, /check the access key/],
  ["com.amazonaws.sqs#PurgeQueueInProgress", "Only one is allowed every 60 seconds.", AwsError, /60 seconds\.$/],
  ["com.amazonaws.sqs#QueueDeletedRecently", "You must wait 60 seconds.", AwsError, /60 seconds\.$/],
  ["com.amazonaws.sqs#QueueNameExists", "exists", AwsError, /other attributes, which setQueueAttributes/],
  ["com.amazonaws.sqs#UnsupportedOperation", "no", AwsError, /: no$/],
];

for (const [type, message, Class, says] of rows) {
  Deno.test(`${type} is a typed error that says what to do: ${message.slice(-40)}`, async () => {
    const error = await errorOf({ type, message });
    assert.equal(error.constructor, Class);
    assert.match(error.message, says);
    assert.equal(error.awsCode, type.replace(/.*#|AWS\.SimpleQueueService\./g, ""));
    assert.equal(error.retryable, type.endsWith("QueueDeletedRecently"), "the name is free again after a while");
    assert.ok(error.message.length < 300);
  });
}

Deno.test("an error's two names both count, and either is enough", async () => {
  const header = { "x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender" };
  const both = await errorOf({ type: "com.amazonaws.sqs#QueueDoesNotExist", headers: header });
  assert.deepEqual([both.constructor, both.awsCode], [DoesNotExistQueueError, "QueueDoesNotExist"]);
  const alone = await errorOf({ headers: header });
  assert.deepEqual([alone.constructor, alone.awsCode], [DoesNotExistQueueError, "NonExistentQueue"]);
  const renamed = await errorOf({ type: "com.amazonaws.sqs#New", headers: header });
  assert.deepEqual([renamed.constructor, renamed.awsCode], [DoesNotExistQueueError, "New"]);
  const unknown = await errorOf({
    type: "com.amazonaws.sqs#New",
    headers: { "x-amzn-query-error": "Throttling;Sender" },
  });
  assert.deepEqual([unknown.awsCode, unknown.retryable], ["New", true]);
  const elsewhere = await errorOf({ headers: { "x-amzn-errortype": "QueueDoesNotExist:http://internal.amazon.com/" } });
  assert.equal(elsewhere.constructor, DoesNotExistQueueError);
});

Deno.test("an error may write its message large or leave it out", async () => {
  assert.match((await errorOf({ type: "X", field: "Message", message: "Large" })).message, /with X: Large/);
  assert.match((await errorOf({ type: "X", field: "other" })).message, /with X: no message/);
});

Deno.test("an error on a wrong signature does not repeat the request that was signed", async () => {
  const message = "The signature does not match.\n\nThe Canonical String was\nx-amz-security-token:TOKEN";
  const error = await errorOf({ type: "x#SignatureDoesNotMatch", message });
  assert.match(error.message, /does not match\. \(check/);
  assert.doesNotMatch(error.message, /Canonical|TOKEN/);
});

Deno.test("throttling is retryable though it is a 400", async () => {
  for (const code of ["RequestThrottled", "KmsThrottled", "OverLimit", "ThrottlingException"]) {
    assert.equal((await errorOf({ type: `com.amazonaws.sqs#${code}` })).retryable, true, code);
  }
});

Deno.test("AccessDenied on a batch names the permission that there is", async () => {
  const batch = sendMessageBatch({ queueUrl, entries: [{ id: "a", messageBody: "x" }] });
  const answer = new Response('{"__type":"x#AccessDenied","message":"no"}', { status: 403 });
  await assert.rejects(batch.parse(answer), /need sqs:SendMessage on/);
});
