/**
 * A line of code from each entry point, as a user of the npm package writes it.
 */
import { connect, consume, forEach, publish, route } from "@dashi/sqs";
import { sendTask, task } from "@dashi/sqs/celery";
import { fromCelery } from "@dashi/sqs/config";
import { staticCredentials } from "@dashi/sqs/credentials";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads } from "@dashi/sqs/payloads";
import { getObject } from "@dashi/sqs/s3";
import { publish as publishToTopic } from "@dashi/sqs/sns";
import { sendMessage } from "@dashi/sqs/sqs";
import { getCallerIdentity } from "@dashi/sqs/sts";
import { memorySqs } from "@dashi/sqs/testing";

/** What each line gave. */
export async function everyEntry(): Promise<Record<string, unknown>> {
  const sqs = memorySqs();
  sqs.createQueue("orders");
  const broker = connect({
    ...sqs.connectOptions,
    fanout: snsFanout(),
    payloads: s3Payloads({ bucket: "letters" }),
  });
  await publish(broker, { id: 1 }, { queue: "orders" });
  const bodies: unknown[] = [];
  const counts = await forEach(
    consume(broker, "orders", { untilEmpty: true, waitTimeSeconds: 0 }),
    ({ body }) => void bodies.push(body),
  );
  const add = task<[x: number, y: number], number>("app.add");
  const call = await sendTask(broker, add(2, 3), { queue: "orders" });
  const identity = await getCallerIdentity().parse(
    new Response(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn>
      <UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`),
  );
  const keys = staticCredentials({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" });
  return {
    bodies,
    acked: counts.acked,
    call: call.id.length,
    identity: identity.account,
    keys: typeof keys,
    region: fromCelery("sqs://", { region: "eu-west-1" }).region,
    s3: getObject({ bucket: "letters", key: "a b" }).path,
    sns: publishToTopic({ topicArn: "arn:aws:sns:eu-west-1:123456789012:news", message: "soup" }).action,
    sqs: sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/orders", messageBody: "a" }).action,
    routes: route({ exchanges: { news: { type: "fanout" } }, bindings: [] }, "news", "a"),
  };
}
