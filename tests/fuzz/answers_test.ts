/** Every builder's parser, against answers that no AWS gives. */
import fc from "../support/fast_check.ts";
import * as s3 from "../../lib/s3/mod.ts";
import * as sns from "../../lib/sns/mod.ts";
import * as sqs from "../../lib/sqs/mod.ts";
import * as sts from "../../lib/sts/mod.ts";
import type { AwsBody, AwsRequest } from "../../lib/types.ts";
import { mutated, mutatedJson, settings, survives, text, value } from "./hostile.ts";

const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
const sourceArn = "arn:aws:sqs:eu-west-1:123456789012:dead";
const receiptHandle = "AQEB";
const topicArn = "arn:aws:sns:eu-west-1:123456789012:news";
const subscriptionArn = `${topicArn}:0f8fad5b-d9cb-469f-a165-70867728950e`;
const place = { bucket: "letters", key: "a" };

const SQS: [AwsRequest<unknown>, unknown][] = [
  [sqs.sendMessage({ queueUrl, messageBody: "x" }), { MessageId: "m", MD5OfMessageBody: "d", SequenceNumber: "1" }],
  [sqs.sendMessageBatch({ queueUrl, entries: [{ id: "0", messageBody: "x" }, { id: "1", messageBody: "y" }] }), {
    Successful: [{ Id: "0", MessageId: "m", MD5OfMessageBody: "d" }],
    Failed: [{ Id: "1", Code: "InternalError", SenderFault: false, Message: "no" }],
  }],
  [sqs.receiveMessage({ queueUrl }), {
    Messages: [{
      MessageId: "m",
      ReceiptHandle: "r",
      Body: "b",
      MD5OfBody: "d",
      Attributes: { SentTimestamp: "1" },
      MessageAttributes: { a: { DataType: "Binary", BinaryValue: "AA==" } },
    }],
  }],
  [sqs.deleteMessage({ queueUrl, receiptHandle }), {}],
  [sqs.deleteMessageBatch({ queueUrl, entries: [{ id: "0", receiptHandle }] }), { Successful: [{ Id: "0" }] }],
  [sqs.changeMessageVisibility({ queueUrl, receiptHandle, visibilityTimeout: 1 }), {}],
  [
    sqs.changeMessageVisibilityBatch({ queueUrl, entries: [{ id: "0", receiptHandle, visibilityTimeout: 1 }] }),
    { Failed: [{ Id: "0", Code: "c", SenderFault: true }] },
  ],
  [sqs.createQueue({ queueName: "jobs" }), { QueueUrl: queueUrl }],
  [sqs.getQueueUrl({ queueName: "jobs" }), { QueueUrl: queueUrl }],
  [sqs.deleteQueue({ queueUrl }), {}],
  [sqs.purgeQueue({ queueUrl }), {}],
  [sqs.listQueues(), { QueueUrls: [queueUrl], NextToken: "n" }],
  [sqs.getQueueAttributes({ queueUrl }), { Attributes: { QueueArn: sourceArn } }],
  [sqs.setQueueAttributes({ queueUrl, attributes: { DelaySeconds: "1" } }), {}],
  [sqs.listQueueTags({ queueUrl }), { Tags: { a: "b" } }],
  [sqs.tagQueue({ queueUrl, tags: { a: "b" } }), {}],
  [sqs.untagQueue({ queueUrl, tagKeys: ["a"] }), {}],
  [sqs.listDeadLetterSourceQueues({ queueUrl }), { queueUrls: [queueUrl], NextToken: "n" }],
  [sqs.startMessageMoveTask({ sourceArn }), { TaskHandle: "t" }],
  [sqs.cancelMessageMoveTask({ taskHandle: "t" }), { ApproximateNumberOfMessagesMoved: 1 }],
  [sqs.listMessageMoveTasks({ sourceArn }), {
    Results: [{ Status: "RUNNING", SourceArn: sourceArn, StartedTimestamp: 1, ApproximateNumberOfMessagesMoved: 1 }],
  }],
];

const wrap = (action: string, inner: string) =>
  `<${action}Response xmlns="https://sns.amazonaws.com/doc/"><${action}Result>${inner}</${action}Result>` +
  `<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`;
const ERROR =
  "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>slow</Message></Error></ErrorResponse>";
const KEYS =
  "<Credentials><AccessKeyId>AKID</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>" +
  "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>";

const XML: [AwsRequest<unknown, AwsBody>, string][] = [
  [sns.createTopic({ name: "news" }), wrap("CreateTopic", `<TopicArn>${topicArn}</TopicArn>`)],
  [sns.deleteTopic({ topicArn }), wrap("DeleteTopic", "")],
  [
    sns.getTopicAttributes({ topicArn }),
    wrap("GetTopicAttributes", "<Attributes><entry><key>a</key><value>b</value></entry></Attributes>"),
  ],
  [
    sns.listSubscriptionsByTopic({ topicArn }),
    wrap(
      "ListSubscriptionsByTopic",
      `<Subscriptions><member><SubscriptionArn>${subscriptionArn}</SubscriptionArn><Protocol>sqs</Protocol><Endpoint>${sourceArn}</Endpoint></member></Subscriptions><NextToken>n</NextToken>`,
    ),
  ],
  [sns.publish({ topicArn, message: "x" }), wrap("Publish", "<MessageId>m</MessageId>")],
  [
    sns.publishBatch({ topicArn, entries: [{ id: "0", message: "x" }] }),
    wrap("PublishBatch", "<Failed/><Successful><member><Id>0</Id><MessageId>m</MessageId></member></Successful>"),
  ],
  [
    sns.subscribe({ topicArn, protocol: "sqs", endpoint: sourceArn }),
    wrap("Subscribe", `<SubscriptionArn>${subscriptionArn}</SubscriptionArn>`),
  ],
  [sns.unsubscribe({ subscriptionArn }), wrap("Unsubscribe", "")],
  [sts.assumeRole({ roleArn: "arn:aws:iam::123456789012:role/r", roleSessionName: "dashi" }), wrap("AssumeRole", KEYS)],
  [
    sts.assumeRoleWithWebIdentity({
      roleArn: "arn:aws:iam::123456789012:role/r",
      roleSessionName: "dashi",
      webIdentityToken: "token",
    }),
    wrap("AssumeRoleWithWebIdentity", KEYS),
  ],
  [sts.getCallerIdentity(), wrap("GetCallerIdentity", "<Account>1</Account><Arn>a</Arn><UserId>u</UserId>")],
  [
    s3.createMultipartUpload({ ...place }),
    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
  ],
  [
    s3.completeMultipartUpload({ ...place, uploadId: "u", parts: [{ partNumber: 1, etag: '"e"' }] }),
    "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>",
  ],
  [
    s3.deleteObjects({ bucket: "letters", keys: ["a"] }),
    "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>",
  ],
  [s3.getObject(place), "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"],
  [s3.headObject(place), ""],
  [s3.putObject({ ...place, body: "x" }), "<Error><Code>SlowDown</Code></Error>"],
];

const status = fc.constantFrom(200, 200, 200, 204, 301, 307, 400, 403, 404, 429, 500, 503);
const headers = fc.dictionary(
  fc.constantFrom(
    "date",
    "x-amzn-requestid",
    "x-amzn-query-error",
    "x-amzn-errortype",
    "content-length",
    "x-amz-bucket-region",
    "x-amz-checksum-crc32c",
    "etag",
    "location",
  ),
  text.map((value) => value.replace(/[^\t\x20-\x7e]|^\s+|\s+$/g, "")),
  { maxKeys: 4 },
);

function answer(body: string, status: number, headers: Record<string, string>): Response {
  const { "content-length": _, ...rest } = headers;
  return new Response(status === 204 ? null : body, { status, headers: rest });
}

/** Reads an answer and, where that is a stream, what is in it. */
async function parse(request: AwsRequest<unknown, AwsBody>, response: Response): Promise<unknown> {
  const result = await request.parse(response) as { body?: ReadableStream<Uint8Array> } | undefined;
  await result?.body?.cancel();
  return result?.body ? undefined : result;
}

for (const [request, sample] of SQS) {
  Deno.test(`${request.action}'s parser survives every answer`, async () => {
    const body = fc.oneof(
      mutatedJson(sample).map((value) => JSON.stringify(value) ?? ""),
      value.map((value) => JSON.stringify(value) ?? ""),
      mutated(JSON.stringify(sample), '{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}'),
      text,
    );
    await fc.assert(
      fc.asyncProperty(body, status, headers, async (body, status, headers) => {
        await survives(() => parse(request, answer(body, status, headers)));
      }),
      settings,
    );
  });
}

for (const [request, sample] of XML) {
  Deno.test(`${request.service} ${request.action}'s parser survives every answer`, async () => {
    const body = fc.oneof(
      mutated(sample, ERROR),
      fc.tuple(fc.constantFrom("__proto__", "constructor", "Error", "Code", "member", "toString"), text).map((
        [name, inner],
      ) => sample.replace(/<(\w+)>[^<]*<\/\1>/, `<${name}>${inner.replace(/[<&]/g, "")}</${name}>`)),
      text,
    );
    await fc.assert(
      fc.asyncProperty(body, status, headers, async (body, status, headers) => {
        await survives(() => parse(request, answer(body, status, headers)));
      }),
      settings,
    );
  });
}
