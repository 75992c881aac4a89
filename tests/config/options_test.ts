import assert from "node:assert/strict";
import { fromCelery, KOMBU_DEFAULTS } from "../../lib/config/mod.ts";
import { connect } from "../../lib/connect.ts";
import { stateOf } from "../../lib/broker.ts";
import { ConfigError, InvalidQueueError } from "../../lib/errors.ts";
import type { ConnectOptions, CredentialContext, CredentialProvider, OutgoingMessage } from "../../lib/types.ts";
import { withEnv } from "../support/with_env.ts";

const from = (options?: object): ConnectOptions => {
  const made = fromCelery("sqs://AKIDEXAMPLE:url-secret@", options);
  connect(made); // whatever is made, connect() takes
  return made;
};
const keysOf = async (given: ConnectOptions["credentials"]) => {
  const { expiration: _, ...keys } = await (given as CredentialProvider)({} as CredentialContext);
  return keys;
};
const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
const arn = "arn:aws:sns:eu-west-1:123456789012:news";
const refuses = (options: object, path: string, more = /./) =>
  assert.throws(() => from(options), (error: Error) => {
    assert.ok(error instanceof ConfigError, String(error));
    assert.ok(error.message.includes(`'${path}'`), error.message);
    assert.match(error.message, more);
    return true;
  });

Deno.test("no options at all are kombu's defaults", () => {
  const { waitTimeSeconds, pollingInterval, createMissing, requeueDelay, queueAttributes, ...rest } = from();
  assert.deepEqual(
    { waitTimeSeconds, pollingInterval, createMissing, requeueDelay, queueAttributes },
    {
      waitTimeSeconds: 10,
      pollingInterval: 1,
      createMissing: true,
      requeueDelay: 10,
      queueAttributes: { VisibilityTimeout: "1800" },
    },
  );
  assert.deepEqual(Object.keys(rest).sort(), ["codec", "credentials"]);
  assert.equal(KOMBU_DEFAULTS.visibilityTimeout, 1800);
});

Deno.test("null, which is Python's None, is an option that was not set", () => {
  const names = "region is_secure port queue_name_prefix visibility_timeout wait_time_seconds polling_interval " +
    "predefined_queues predefined_exchanges sts_role_arn sts_token_timeout sts_token_buffer_time queue_tags " +
    "sqs-creation-attributes client-config fetch_message_attributes sqs_base64_encoding supports_fanout deadletter_queue";
  const nulls = Object.fromEntries(names.split(" ").map((name) => [name, null]));
  assert.deepEqual({ ...from(nulls), codec: 0, credentials: 0 }, { ...from(), codec: 0, credentials: 0 });
});

Deno.test("region", () => {
  assert.equal(from({ region: "eu-west-1" }).region, "eu-west-1");
  assert.equal(from({ region: "" }).region, undefined);
  refuses({ region: 1 }, "transportOptions.region", /a string/);
});

Deno.test("regioninfo has no effect, as in kombu", () => {
  assert.equal(from({ regioninfo: { any: "thing" } }).region, undefined);
});

Deno.test("is_secure makes the host of the URL https", () => {
  assert.equal(fromCelery("sqs://localhost:9324").endpoint, "http://localhost:9324");
  assert.equal(fromCelery("sqs://localhost:9324", { is_secure: true }).endpoint, "https://localhost:9324");
  assert.equal(from({ is_secure: false }).endpoint, undefined);
  refuses({ is_secure: "yes" }, "transportOptions.is_secure", /true or false/);
});

Deno.test("port has no effect, the URL's counts", () => {
  assert.equal(fromCelery("sqs://localhost:9324", { port: 1 }).endpoint, "http://localhost:9324");
  assert.equal(fromCelery("sqs://localhost", { port: 1 }).endpoint, "http://localhost");
});

Deno.test("queue_name_prefix", () => {
  assert.equal(connect(from({ queue_name_prefix: "prod-" })).queueNamePrefix, "prod-");
});

Deno.test("visibility_timeout is an attribute of queues that are created, never of a receive", () => {
  const told = [[60, "60"], ["60", "60"], ["90.9", "90"], [90.9, "90"], [0, "0"], ["0", "0"], ["", "1800"], [
    null,
    "1800",
  ]];
  for (const [given, expected] of told) {
    const options = from({ visibility_timeout: given });
    assert.equal(options.queueAttributes?.VisibilityTimeout, expected);
    assert.equal(options.visibilityTimeout, undefined);
  }
  for (const wrong of ["soon", -1, 43_201, [], "NaN", "0x10"]) {
    refuses({ visibility_timeout: wrong }, "transportOptions.visibility_timeout");
  }
});

Deno.test("wait_time_seconds is the long poll, and what a requeue hides for", () => {
  const { waitTimeSeconds, requeueDelay } = from({ wait_time_seconds: 20 });
  assert.deepEqual([waitTimeSeconds, requeueDelay], [20, 20]);
  assert.equal(from({ wait_time_seconds: 0 }).waitTimeSeconds, 0);
  for (const wrong of [21, -1, 1.5, "10"]) {
    refuses({ wait_time_seconds: wrong }, "transportOptions.wait_time_seconds", /from 0 to 20/);
  }
});

Deno.test("polling_interval", () => {
  assert.equal(from({ polling_interval: 0.3 }).pollingInterval, 0.3);
  assert.equal(from({ polling_interval: 0 }).pollingInterval, 0);
  refuses({ polling_interval: -1 }, "transportOptions.polling_interval", /0 or more/);
});

Deno.test("predefined_queues: url, region, keys, session token, backoff", async () => {
  const options = from({
    predefined_queues: {
      orders: {
        url,
        region: "eu-west-1",
        access_key_id: "AKIDOTHER",
        secret_access_key: "other-secret",
        session_token: "other-token",
        backoff_policy: { 1: 10, 2: 20 },
        backoff_tasks: ["app.charge"],
      },
    },
  });
  const { credentials, ...queue } = options.predefinedQueues!.orders;
  assert.deepEqual(queue, {
    url,
    region: "eu-west-1",
    backoffPolicy: { 1: 10, 2: 20 },
    backoffTasks: ["app.charge"],
  });
  assert.deepEqual(await keysOf(credentials), {
    accessKeyId: "AKIDOTHER",
    secretAccessKey: "other-secret",
    sessionToken: "other-token",
  });
});

Deno.test("predefined_queues: url is required, and named by its path when it is wrong", () => {
  refuses({ predefined_queues: { orders: {} } }, "transportOptions.predefined_queues.orders.url", /URL/);
  for (const wrong of [7, "orders", "ftp://u:hidden@h/1/orders"]) {
    refuses(
      { predefined_queues: { orders: { url: wrong } } },
      "transportOptions.predefined_queues.orders.url",
      /^(?!.*hidden)/,
    );
  }
  refuses({ predefined_queues: { orders: url } }, "transportOptions.predefined_queues.orders", /object/);
});

Deno.test("predefined_queues: a queue without keys has the broker's", () => {
  assert.equal(from({ predefined_queues: { orders: { url } } }).predefinedQueues?.orders.credentials, undefined);
});

Deno.test("predefined_queues: half a pair of keys is never mixed with the URL's", () => {
  for (const half of [{ access_key_id: "AKIDHALF" }, { secret_access_key: "half-secret" }]) {
    refuses(
      { predefined_queues: { orders: { url, ...half } } },
      "transportOptions.predefined_queues.orders",
      /missing(?!.*(?:AKIDHALF|half-secret))/,
    );
  }
});

Deno.test("predefined_queues: a key that is no text is not shown", () => {
  refuses(
    { predefined_queues: { orders: { url, access_key_id: "AKIDOTHER", secret_access_key: 7654321 } } },
    "transportOptions.predefined_queues.orders.secret_access_key",
    /^(?!.*7654321)/,
  );
});

Deno.test("predefined_queues: a session token without keys belongs to the URL's", async () => {
  const options = { predefined_queues: { orders: { url, session_token: "token" } } };
  assert.deepEqual(await keysOf(from(options).predefinedQueues?.orders.credentials), {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "url-secret",
    sessionToken: "token",
  });
  assert.throws(() => fromCelery("sqs://", options), /orders\.session_token/);
});

Deno.test("predefined_queues: backoff_policy is of whole seconds by receive count, for the tasks that are named", () => {
  const orders = (more: object) => ({ predefined_queues: { orders: { url, ...more } } });
  const path = "transportOptions.predefined_queues.orders";
  assert.deepEqual(from(orders({ backoff_policy: { "1": 0 } })).predefinedQueues!.orders.backoffTasks, []);
  assert.equal(from(orders({})).predefinedQueues!.orders.backoffTasks, undefined);
  refuses(orders({ backoff_policy: { 0: 1 } }), `${path}.backoff_policy.0`);
  refuses(orders({ backoff_policy: { first: 1 } }), `${path}.backoff_policy.first`);
  refuses(orders({ backoff_policy: { 1: "10" } }), `${path}.backoff_policy.1`);
  refuses(orders({ backoff_policy: { 1: 43_201 } }), `${path}.backoff_policy.1`);
  refuses(orders({ backoff_tasks: "app.charge" }), `${path}.backoff_tasks`, /list/);
});

Deno.test("predefined_queues: a .fifo URL needs a .fifo name, and the reverse", () => {
  const wrong = [{ orders: { url: `${url}.fifo` } }, { "orders.fifo": { url } }];
  for (const predefined_queues of wrong) assert.throws(() => from({ predefined_queues }), InvalidQueueError);
  from({ predefined_queues: { "any.fifo": { url: `${url}.fifo` } } });
});

Deno.test("predefined_exchanges: arn, region and keys, with supports_fanout", async () => {
  const news = {
    arn,
    region: "eu-west-1",
    access_key_id: "AKIDSNS",
    secret_access_key: "sns-secret",
    session_token: "t",
  };
  const seen: string[] = [];
  const broker = connect({
    ...from({ supports_fanout: true, predefined_exchanges: { news } }),
    http: {
      fetch(request) {
        seen.push(request.url, request.headers.get("authorization")!, request.headers.get("x-amz-security-token")!);
        return Promise.resolve(
          new Response("<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"),
        );
      },
    },
  });
  const { fanout } = stateOf(broker).options;
  assert.equal(await fanout!.declare(broker, "news"), arn);
  await fanout!.publish(broker, "news", [{ body: "x", messageAttributes: {} }]);
  assert.equal(seen[0], "https://sns.eu-west-1.amazonaws.com/");
  assert.match(seen[1], /AKIDSNS\/\d+\/eu-west-1\/sns/);
  assert.equal(seen[2], "t");
  await assert.rejects(fanout!.declare(broker, "other"), { name: "UndefinedExchangeError" });
  const path = "transportOptions.predefined_exchanges.news";
  refuses({ predefined_exchanges: { news: {} } }, `${path}.arn`);
  refuses({ predefined_exchanges: { news: { arn: "news" } } }, `${path}.arn`);
  refuses({ predefined_exchanges: { news: { arn, url: "x" } } }, `${path}.url`, /nearest is 'arn'/);
});

/** Answers AssumeRole, and notes what was asked with which keys. */
function sts(asked: string[]): Partial<CredentialContext> {
  return {
    region: "eu-west-1",
    clock: { now: () => 0, sleep: () => new Promise(() => {}) },
    random: Math.random,
    emit: () => {},
    async fetch(request) {
      asked.push(await request.text(), request.headers.get("authorization")!);
      return new Response(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>" +
          "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>1970-01-01T00:15:00Z</Expiration>" +
          "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
      );
    },
  };
}

Deno.test("sts_role_arn: one role for predefined queues and exchanges, assumed with the default chain", async () => {
  const options = from({
    sts_role_arn: "arn:aws:iam::123456789012:role/orders",
    predefined_queues: { a: { url, access_key_id: "AKIDOWN", secret_access_key: "s" }, b: { url } },
  });
  const { a, b } = options.predefinedQueues!;
  assert.equal(a.credentials, b.credentials);
  assert.notEqual(options.credentials, a.credentials);
  assert.equal((await keysOf(options.credentials)).accessKeyId, "AKIDEXAMPLE");
  await withEnv(CHAIN, async () => {
    const asked: string[] = [];
    const keys = await (a.credentials as CredentialProvider)(sts(asked) as CredentialContext);
    assert.equal(keys.accessKeyId, "AKIDROLE");
    assert.match(asked[0], /RoleSessionName=Celery/);
    assert.match(asked[0], /DurationSeconds=900/);
    assert.match(asked[1], /AKIDCHAIN/);
  });
  for (const arn of ["role/orders", "arn:aws:iam::1:role/orders"]) {
    refuses({ sts_role_arn: arn, predefined_queues: { b: { url } } }, "transportOptions.sts_role_arn");
  }
});

/** The keys that the default chain finds first. */
const CHAIN = { AWS_ACCESS_KEY_ID: "AKIDCHAIN", AWS_SECRET_ACCESS_KEY: "chain-secret" };

/** What STS is asked by a queue's keys at each of some seconds. */
async function askedAt(options: object, ...seconds: number[]): Promise<string[]> {
  const { predefinedQueues } = from({
    sts_role_arn: "arn:aws:iam::123456789012:role/orders",
    predefined_queues: { orders: { url } },
    ...options,
  });
  return await withEnv(CHAIN, async () => {
    const asked: string[] = [];
    let now = 0;
    const context = { ...sts(asked), clock: { now: () => now, sleep: () => new Promise(() => {}) } };
    for (const second of seconds) {
      now = second * 1000;
      await (predefinedQueues!.orders.credentials as CredentialProvider)(context as CredentialContext);
    }
    return asked.filter((_, index) => index % 2 === 0);
  });
}

Deno.test("sts_token_timeout: 900 s or more, 900 by default", async () => {
  assert.match((await askedAt({}, 0))[0], /DurationSeconds=900\b/);
  assert.match((await askedAt({ sts_token_timeout: 3600 }, 0))[0], /DurationSeconds=3600\b/);
  refuses({ sts_token_timeout: 899 }, "transportOptions.sts_token_timeout", /900/);
});

Deno.test("sts_token_buffer_time: keys are asked for so much earlier; not below the timeout, it is ignored as in kombu", async () => {
  assert.equal((await askedAt({ sts_token_buffer_time: 60 }, 0, 800, 850)).length, 2);
  for (const ignored of [0, 900, 5000]) {
    assert.equal((await askedAt({ sts_token_buffer_time: ignored }, 0, 800, 850)).length, 1, String(ignored));
  }
  refuses({ sts_token_buffer_time: "60" }, "transportOptions.sts_token_buffer_time");
});

Deno.test("sqs-creation-attributes win over the visibility timeout", () => {
  const { queueAttributes } = from({
    visibility_timeout: 60,
    "sqs-creation-attributes": { KmsMasterKeyId: "alias/aws/sqs", VisibilityTimeout: "5" },
  });
  assert.deepEqual(queueAttributes, { KmsMasterKeyId: "alias/aws/sqs", VisibilityTimeout: "5" });
  refuses({ "sqs-creation-attributes": { Policy: {} } }, "transportOptions.sqs-creation-attributes.Policy");
});

Deno.test("queue_tags", () => {
  assert.deepEqual(from({ queue_tags: { team: "web" } }).queueTags, { team: "web" });
  assert.equal(from({ queue_tags: {} }).queueTags, undefined);
  refuses({ queue_tags: { team: 1 } }, "transportOptions.queue_tags.team", /a string/);
});

Deno.test("client-config: timeouts and retries are ours, the region wins", () => {
  const http = (config: object) => from({ "client-config": config }).http;
  assert.deepEqual(http({ connect_timeout: 5 }), { requestTimeout: 5 });
  assert.deepEqual(http({ connect_timeout: 5, read_timeout: 30 }), { requestTimeout: 30 });
  assert.deepEqual(http({ retries: { max_attempts: 0 } }), { maxAttempts: 1 });
  assert.deepEqual(http({ retries: { max_attempts: 4, mode: "standard" } }), { maxAttempts: 5 });
  assert.deepEqual(http({ retries: { max_attempts: 4, total_max_attempts: 2 } }), { maxAttempts: 2 });
  assert.equal(http({}), undefined);
  assert.equal(from({ region: "eu-west-1", "client-config": { region_name: "us-west-2" } }).region, "us-west-2");
  refuses({ "client-config": { read_timeout: "5" } }, "transportOptions.client-config.read_timeout");
});

Deno.test("client-config: what can't apply says what to do, what has no effect passes, what is unknown is named", () => {
  const path = "transportOptions.client-config";
  refuses(
    { "client-config": { proxies: { https: "http://user:pw@proxy" } } },
    `${path}.proxies`,
    /http: \{ fetch(?!.*pw)/,
  );
  refuses({ "client-config": { use_fips_endpoint: true } }, `${path}.use_fips_endpoint`, /broker URL/);
  refuses({ "client-config": { max_attempts: 3 } }, `${path}.max_attempts`, /nearest/);
  refuses({ "client-config": { retries: { attempts: 3 } } }, `${path}.retries.attempts`, /max_attempts/);
  assert.equal(
    from({
      "client-config": {
        max_pool_connections: 50,
        user_agent_extra: "x",
        proxies: {}, // how botocore is kept from the environment's
        client_cert: null,
        signature_version: "v4",
      },
    }).http,
    undefined,
  );
});

Deno.test("fetch_message_attributes: a list, or both kinds by name; any case of all is All", () => {
  const fetched = (given: unknown) => from({ fetch_message_attributes: given }).fetchAttributes;
  assert.deepEqual(fetched(["SenderId"]), ["SenderId"]);
  assert.deepEqual(fetched(["SenderId", "aLL"]), ["All"]);
  assert.deepEqual(fetched({ MessageSystemAttributeNames: ["SenderId"], MessageAttributeNames: ["ALL"] }), {
    system: ["SenderId"],
    message: ["All"],
  });
  assert.deepEqual(fetched({ MessageAttributeNames: ["trace"] }), { system: [], message: ["trace"] });
  refuses({ fetch_message_attributes: "All" }, "transportOptions.fetch_message_attributes", /list/);
  refuses(
    { fetch_message_attributes: { MessageAttributes: [] } },
    "transportOptions.fetch_message_attributes.MessageAttributes",
    /nearest is 'MessageAttributeNames'/,
  );
});

const message: OutgoingMessage = {
  body: { id: 1 },
  headers: {},
  properties: {},
  exchange: "",
  routingKey: "orders",
  messageId: "m",
};
const written = async (options: object) => (await from(options).codec!.encode(message)).body;

Deno.test("sqs_base64_encoding: the envelope's outer base64, on by default", async () => {
  assert.match(await written({}), /^[\w+/]+=*$/);
  assert.equal(JSON.parse(await written({ sqs_base64_encoding: false }))["content-type"], "application/json");
});

Deno.test("body_encoding: base64, or none of its own", async () => {
  const body = async (options: object) => JSON.parse(await written({ sqs_base64_encoding: false, ...options })).body;
  assert.equal(await body({}), btoa('{"id":1}'));
  assert.equal(await body({ body_encoding: "BASE64" }), btoa('{"id":1}'));
  for (const plain of ["utf-8", null, ""]) assert.equal(await body({ body_encoding: plain }), '{"id":1}');
  refuses({ body_encoding: "rot13" }, "transportOptions.body_encoding", /base64 or utf-8/);
});

Deno.test("supports_fanout: off by default, and then predefined exchanges have no effect", () => {
  assert.equal(from({ predefined_exchanges: { news: { arn } } }).fanout, undefined);
  assert.equal(from({ supports_fanout: false }).fanout, undefined);
  assert.ok(from({ supports_fanout: true }).fanout);
});

Deno.test("deadletter_queue takes what no exchange can route", () => {
  assert.equal(from({ deadletter_queue: "lost" }).unroutableQueue, "lost");
});

Deno.test("kombu's options about connecting have no effect", () => {
  const retry = { max_retries: 3, interval_start: 0, interval_step: 0.2, interval_max: 1, connect_retries_timeout: 4 };
  assert.deepEqual(Object.keys(from(retry)), Object.keys(from()));
});

Deno.test("an unknown option is an error with the nearest one that is known", () => {
  const near = [
    ["visibility_timout", "visibility_timeout"],
    ["sqs_creation_attributes", "sqs-creation-attributes"],
    ["client_config", "client-config"],
    ["predefinedQueues", "predefined_queues"],
    ["queueNamePrefix", "queue_name_prefix"],
    ["wait_time", "wait_time_seconds"],
  ];
  for (const [wrong, right] of near) {
    refuses({ [wrong]: 1 }, `transportOptions.${wrong}`, new RegExp(`nearest is '${right}'`));
  }
  refuses(
    { predefined_queues: { orders: { url, accessKeyId: "AKIDHIDDEN" } } },
    "transportOptions.predefined_queues.orders.accessKeyId",
    /nearest is 'access_key_id'(?!.*HIDDEN)/,
  );
  refuses({ ["x".repeat(100_000)]: 1 }, `transportOptions.${"x".repeat(80)}`);
});

Deno.test("transport options that are no object, and names of the prototype, are errors", () => {
  for (const wrong of ["{}", 7, true, [], [{ region: "eu-west-1" }]]) {
    assert.throws(() => fromCelery("sqs://", wrong as never), ConfigError);
  }
  refuses(JSON.parse('{"__proto__":1}'), "transportOptions.__proto__");
  refuses({ constructor: 1 }, "transportOptions.constructor");
});

Deno.test("Celery's configuration is taken verbatim, with other settings beside it", () => {
  const celery = {
    broker_url: "sqs://localhost:9324",
    broker_transport_options: { region: "eu-west-1", wait_time_seconds: 5 },
    task_default_queue: "celery",
    result_backend: "s3",
  };
  const { region, waitTimeSeconds, endpoint } = fromCelery(celery);
  assert.deepEqual([region, waitTimeSeconds, endpoint], ["eu-west-1", 5, "http://localhost:9324"]);
  assert.equal(fromCelery({ broker_url: ["sqs://"] }).waitTimeSeconds, 10);
  assert.throws(
    () => fromCelery({ broker_url: "sqs://", broker_transport_options: { regoin: "x" } }),
    /'broker_transport_options\.regoin'/,
  );
  assert.throws(() => fromCelery({ broker_url: ["sqs://", "sqs://"] }), ConfigError);
  assert.throws(() => fromCelery({} as never), ConfigError);
});
