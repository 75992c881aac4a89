import assert from "node:assert/strict";
import {
  assumeRole,
  type AssumeRoleOptions,
  container,
  type ContainerOptions,
  instanceMetadata,
  type InstanceMetadataOptions,
  profile,
  type ProfileOptions,
  staticCredentials,
  webIdentity,
  type WebIdentityOptions,
} from "@dashi/sqs/credentials";
import type { CredentialContext, Credentials } from "@dashi/sqs";
import { assumed, ROLE } from "./fakes.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/** Each is refused by its path, and what it holds is not shown. */
function refused(make: (options: object) => unknown, wrong: Record<string, object>): void {
  for (const [path, options] of Object.entries(wrong)) {
    assert.throws(() => make(options), (error: Error) => {
      assert.equal(error.name, "ConfigError");
      assert.ok(error.message.startsWith(`Cannot use '${path}' as `), error.message);
      assert.ok(!error.message.includes(SECRET.slice(8)), error.message);
      return true;
    });
  }
  assert.throws(() => make(5 as unknown as object), { name: "ConfigError" });
}

const session = {
  duration: { arn: ROLE, duration: 900 },
  durationSeconds: { arn: ROLE, durationSeconds: 899 },
  refreshBefore: { arn: ROLE, refreshBefore: 3600 },
  sessionName: { arn: ROLE, sessionName: "a b" },
  policy: { arn: ROLE, policy: {} },
  region: { arn: ROLE, region: "EU (Ireland)" },
};

Deno.test("assumeRole() refuses an option that is unknown or wrong", () => {
  refused((options) => assumeRole(options as AssumeRoleOptions), {
    ...session,
    arn: {},
    externalId: { arn: ROLE, externalId: 5 },
    "credentials.accessKeyId": { arn: ROLE, credentials: { secretAccessKey: SECRET } },
    "credentials.sessionToken": {
      arn: ROLE,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: 5 },
    },
  });
  assert.throws(() => assumeRole(undefined as unknown as AssumeRoleOptions), { name: "ConfigError" });
});

Deno.test("webIdentity() refuses an option that is unknown or wrong", () => {
  refused((options) => webIdentity(options as WebIdentityOptions), {
    ...session,
    arn: { arn: "orders" },
    token: { token: { secret: SECRET } },
    tokenFile: { tokenFile: 5 },
    credentials: { credentials: {} },
  });
});

Deno.test("container(), instanceMetadata(), profile() and staticCredentials() refuse an option that is unknown or wrong", () => {
  const more = { refreshBefore: { refreshBefore: -1 }, refresh: { refresh: 60 } };
  refused((options) => container(options as ContainerOptions), more);
  refused((options) => instanceMetadata(options as InstanceMetadataOptions), {
    ...more,
    endpoint: { endpoint: new URL("http://127.0.0.1:1338") },
    role: { role: "" },
  });
  refused((options) => instanceMetadata(options as InstanceMetadataOptions), {
    endpoint: { endpoint: "http://someone@127.0.0.1:1338" },
  });
  refused((options) => profile(options as ProfileOptions), { ...more, profile: { profile: 5 }, file: { file: "" } });
  refused((keys) => staticCredentials(keys as Credentials), {
    "credentials.secretAccessKey": { accessKeyId: "AKIDEXAMPLE" },
    "credentials.accessKeyId": { secretAccessKey: SECRET },
    "credentials.sessionToken": { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: {} },
  });
});

Deno.test("a provider needs no more of its context than region, fetch and clock, when it fails too", async () => {
  let status = 503;
  const waited: number[] = [];
  const context: CredentialContext = {
    region: "eu-west-1",
    fetch: () =>
      Promise.resolve(
        status === 200 ? assumed("AssumeRole", "ASIA1", "2099-01-01T00:00:00Z") : new Response("", { status }),
      ),
    clock: {
      now: () => Date.now(), // No deadline is reached, and each wait before another try is over at once.
      sleep: (seconds) => seconds < 1 ? Promise.resolve(void waited.push(seconds)) : new Promise(() => {}),
    },
  };
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET };
  const role = assumeRole({ arn: ROLE, credentials });
  await assert.rejects(role(context), { name: "AwsError", status: 503 });
  await assert.rejects(instanceMetadata()(context), { name: "CredentialsError" });
  assert.ok(waited.length >= 2, `${waited}`);
  status = 200;
  assert.equal((await assumeRole({ arn: ROLE, credentials })(context)).accessKeyId, "ASIA1");
});
