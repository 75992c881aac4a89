/**
 * The credential providers against moto's STS. Needs `MOTO_ENDPOINT`, the origin of a running moto server, and is
 * skipped, saying so, where that is not set.
 */
import assert from "node:assert/strict";
import { connect, type DashiEvent, send } from "@dashi/sqs";
import { assumeRole, webIdentity } from "@dashi/sqs/credentials";
import { getCallerIdentity } from "@dashi/sqs/sts";

const endpoint = Deno.env.get("MOTO_ENDPOINT");
if (!endpoint) console.log("tests/interop/sts_test.ts is skipped: MOTO_ENDPOINT is not set");
const ignore = !endpoint;
const arn = "arn:aws:iam::123456789012:role/orders";
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" };

Deno.test({
  name: "moto lets a role be assumed, and a role with that role's keys, once for fifty callers",
  ignore,
  async fn() {
    const events: DashiEvent[] = [];
    const inner = assumeRole({ arn, credentials: KEYS, sessionName: "first" });
    const outer = assumeRole({ arn: `${arn}-inner`, credentials: inner, sessionName: "second", durationSeconds: 900 });
    const broker = connect({
      region: "eu-west-1",
      endpoint,
      credentials: outer,
      onEvent: (event) => events.push(event),
    });
    const callers = await Promise.all(Array.from({ length: 50 }, () => send(broker, getCallerIdentity())));
    assert.deepEqual(
      new Set(callers.map((caller) => caller.arn.replace(/^.*:/, ""))),
      new Set(["assumed-role/orders-inner/second"]),
    );
    const assumed = events.filter((event) => event.type === "request" && event.action === "AssumeRole");
    assert.equal(assumed.length, 2);
    const refreshed = events.find((event) => event.type === "credentials");
    assert.ok(refreshed?.type === "credentials" && +refreshed.expiration! > Date.now());
  },
});

Deno.test({
  name: "moto lets a role be assumed with a token, without a signature",
  ignore,
  async fn() {
    const credentials = webIdentity({ arn, token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", sessionName: "pod" });
    const broker = connect({ region: "eu-west-1", endpoint, credentials });
    assert.match((await send(broker, getCallerIdentity())).arn, /:assumed-role\/orders\/pod$/);
  },
});
