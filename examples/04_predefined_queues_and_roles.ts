/**
 * Queues that exist already, each with keys of its own: one with a pair, one with a role. The broker may use these two
 * and no other, and never creates or deletes one.
 *
 *     deno run -A examples/04_predefined_queues_and_roles.ts
 */
import { connect, get, publish } from "@dashi/sqs";
import { assumeRole, staticCredentials } from "@dashi/sqs/credentials";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const user = staticCredentials({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "example" });
const role = assumeRole({ arn: "arn:aws:iam::123456789012:role/billing", refreshBefore: 60, credentials: user });

const broker = connect({
  http: { fetch },
  predefinedQueues: {
    orders: { url: sqs.createQueue("orders"), credentials: user },
    invoices: { url: sqs.createQueue("invoices"), credentials: role },
  },
});

for (const queue of ["orders", "invoices"]) {
  await publish(broker, { id: 1 }, { queue });
  await (await get(broker, queue))?.ack();
}
await publish(broker, "?", { queue: "others" }).catch((error) => console.log(`${error.name}: ${error.message}`));

/** Stands in for AWS: it says who signed, gives a role's keys, and hands the rest to the model of SQS. */
async function fetch(request: Request): Promise<Response> {
  const signer = request.headers.get("authorization")?.match(/Credential=(\w+)/)?.[1];
  const action = request.headers.get("x-amz-target")?.split(".")[1] ?? "AssumeRole";
  console.log(`${action} signed by ${signer}`);
  if (action !== "AssumeRole") return await sqs.fetch(request);
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  return new Response(
    `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
    <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>${expiration}</Expiration>
    </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );
}
