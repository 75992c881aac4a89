import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";
import fc from "./support/fast_check.ts";
import {
  bind,
  ConfigError,
  connect,
  type ConnectOptions,
  queueUrl,
  route,
  type Topology,
  topology,
  unbind,
  UndefinedQueueError,
} from "@dashi/sqs";

/** Options that are wrong on purpose, as JavaScript may pass them. */
const wrong = (options: unknown) => () => connect(options as ConnectOptions);

/** A topology as JSON may have it. */
const wrongly = (topology: unknown) => topology as Topology;

const noop = () => {};

for (
  const [options, message] of [
    [null, "Cannot use 'options' as it must be of type object: current value is null"],
    [{ regoin: "eu-west-1" }, /^Cannot use 'regoin' as there is no such option: known are region, /],
    [{ region: "" }, "Cannot use 'region' as it must be a region such as eu-west-1: current value is \"\""],
    [
      { region: "eu west" },
      "Cannot use 'region' as it must be a region such as eu-west-1: current value is \"eu west\"",
    ],
    [{ region: "x".repeat(64) }, /^Cannot use 'region' as it must be a region such as eu-west-1/],
    [{ region: 5 }, "Cannot use 'region' as it must be a region such as eu-west-1: current value is 5"],
    [{ queueTags: { team: 1 } }, "Cannot use 'queueTags.team' as it must be of type string: current value is 1"],
    [[], "Cannot use 'options' as it must be of type object: current value is an array"],
    [
      { predefinedQueues: [] },
      /^Cannot use 'predefinedQueues' as it must be of type object: current value is an array/,
    ],
    [
      { waitTimeSeconds: 21 },
      "Cannot use 'waitTimeSeconds' as it must be an integer from 0 to 20: current value is 21",
    ],
    [{ createMissing: "yes" }, "Cannot use 'createMissing' as it must be of type boolean: current value is \"yes\""],
    [{ http: { fetc: noop } }, /^Cannot use 'http.fetc' as there is no such option: known are fetch, /],
    [{ http: { maxAttempts: 0 } }, /^Cannot use 'http.maxAttempts' as it must be an integer of 1 or more/],
    [
      { clock: { now: noop } },
      "Cannot use 'clock' as it must be an object with a function sleep: current value is a value of type object",
    ],
    [{ codec: "json" }, "Cannot use 'codec' as it must be an object with a function encode: current value is \"json\""],
    [{ codec: { encode: noop } }, /^Cannot use 'codec' as it must be an object with a function decode/],
    [{ payloads: {} }, /^Cannot use 'payloads' as it must be an object with a function resolve/],
    [{ fanout: null }, "Cannot use 'fanout' as it must be an object with a function publish: current value is null"],
    [{ onEvent: 1 }, /^Cannot use 'onEvent' as it must be of type function: current value is 1/],
    [{ fetchAttributes: 5 }, /^Cannot use 'fetchAttributes' as it must be a list: current value is 5/],
    [{ fetchAttributes: "all" }, /^Cannot use 'fetchAttributes' as it must be a list: current value is "all"/],
    [{ fetchAttributes: [5] }, /^Cannot use 'fetchAttributes.0' as it must be a string/],
    [{ fetchAttributes: { sytem: [] } }, /^Cannot use 'fetchAttributes.sytem' as there is no such option/],
    [{ fetchAttributes: { message: "S3Key" } }, /^Cannot use 'fetchAttributes.message' as it must be a list/],
    [{ topology: { exchange: {} } }, /^Cannot use 'topology.exchange' as there is no such option/],
    [
      { topology: { exchanges: { a: { type: "headers" } } } },
      /^Cannot use 'topology.exchanges.a.type' as it must be one/,
    ],
    [
      { topology: { exchanges: { a: {} } } },
      /^Cannot use 'topology.exchanges.a.type' as it must be one of direct, topic/,
    ],
    [
      { topology: { exchanges: { news: { type: "direct", unroutableQueue: "" } } } },
      /^Cannot use 'topology.exchanges.news.unroutableQueue' as it must be a string that is not empty/,
    ],
    [{ topology: { bindings: {} } }, /^Cannot use 'topology.bindings' as it must be a list/],
    [{ topology: { bindings: [{ routingkey: "" }] } }, /^Cannot use 'topology.bindings.0.routingkey' as there is no/],
    [
      { topology: { bindings: [{ exchange: "news" }] } },
      /^Cannot use 'topology.bindings.0.queue' as it must be a string/,
    ],
    [{ topology: { bindings: [{ routingKey: 5 }] } }, /^Cannot use 'topology.bindings.0.routingKey' as it must be of/],
    [{ endpoint: new URL("http://localhost:4566") }, /^Cannot use 'endpoint' as it must be a URL as text/],
    [{ endpoint: 4566 }, /^Cannot use 'endpoint' as it must be an http or https URL .*: current value is 4566/],
    [{ endpoint: "localhost:4566" }, /^Cannot use 'endpoint' as it must be an http or https URL/],
    [{ endpoint: { sqs: "ftp://x" } }, /^Cannot use 'endpoint.sqs' as it must be an http or https URL/],
    [{ endpoint: { sqz: "http://x" } }, /^Cannot use 'endpoint.sqz' as there is no such option/],
    [{ predefinedQueues: { a: {} } }, /^Cannot use 'predefinedQueues.a.url' as it must be an http or https URL/],
    [{ predefinedQueues: { a: { url: "x" } } }, /^Cannot use 'predefinedQueues.a.url' as it must be/],
    [{ predefinedQueues: { a: null } }, /^Cannot use 'predefinedQueues.a' as it must be of type object/],
    [
      { predefinedQueues: { a: { url: "https://sqs.eu-west-1.amazonaws.com/1/a", backoffPolicy: { 2: -1 } } } },
      /^Cannot use 'predefinedQueues.a.backoffPolicy.2' as it must be an integer from 0 to 43200/,
    ],
    [
      { predefinedQueues: { a: { url: "https://sqs.eu-west-1.amazonaws.com/1/a", backoffPolicy: { first: 10 } } } },
      /^Cannot use 'predefinedQueues.a.backoffPolicy.first' as it must be by receive count, 1 or more/,
    ],
  ] as [unknown, string | RegExp][]
) {
  Deno.test(`connect() refuses ${JSON.stringify(options)} by the option's path`, () => {
    assert.throws(wrong(options), (error) => {
      assert.ok(error instanceof ConfigError);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("connect() takes a topology of exchanges alone, and bindings without a key", async () => {
  const broker = connect({ topology: wrongly({ exchanges: { news: { type: "topic" } } }) });
  await bind(broker, "sport", { exchange: "news", routingKey: "eu" });
  assert.equal(topology(broker).bindings.length, 1);
  const bindings = [{ exchange: "news", queue: "all" }, { exchange: "one", queue: "keyless" }];
  const plain = wrongly({ exchanges: { news: { type: "topic" }, one: { type: "direct" } }, bindings });
  connect({ topology: plain });
  assert.deepEqual([route(plain, "news", "eu"), route(plain, "one", "")], [[], ["keyless"]]);
});

Deno.test("a binding that was passed in without a key is one with the empty key: bound once, and unbound", async () => {
  const exchanges = { one: { type: "direct" } };
  const broker = connect({ topology: wrongly({ exchanges, bindings: [{ exchange: "one", queue: "keyless" }] }) });
  await bind(broker, "keyless", { exchange: "one" });
  assert.equal(topology(broker).bindings.length, 1);
  await unbind(broker, "keyless", { exchange: "one" });
  assert.deepEqual(topology(broker).bindings, []);
});

Deno.test("connect() takes an option that is undefined for one that is left out", () => {
  assert.deepEqual(topology(connect({ topology: wrongly({ exchanges: {}, bindings: undefined }) })).bindings, []);
  const { queueNamePrefix } = connect({ region: undefined, queueNamePrefix: undefined, http: { fetch: undefined } });
  assert.equal(queueNamePrefix, "");
});

Deno.test("connect() refuses URLs with a user in them, and shows none of it", () => {
  const begins = ["https://", "https:/", "https:\\\\", "sqs://", ""];
  for (const url of begins.map((begin) => `${begin}mallory:hunter2@sqs.eu-west-1.amazonaws.com:443/1/orders`)) {
    for (const options of [{ endpoint: url }, { endpoint: { s3: url } }, { predefinedQueues: { orders: { url } } }]) {
      assert.throws(() => connect(options), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /without a user: current value is "…@sqs\.eu-west-1\.amazonaws\.com/);
        assert.doesNotMatch(error.message, /mallory|hunter2/);
        return true;
      });
    }
  }
});

Deno.test("connect() shows nothing of half-given credentials", () => {
  const halves = fc.constantFrom(
    ["accessKeyId", "secretAccessKey"] as const,
    ["secretAccessKey", "accessKeyId"] as const,
  );
  fc.assert(fc.property(halves, fc.stringMatching(/^[A-Za-z0-9/+]{20,40}$/), ([given, missing], secret) => {
    const credentials = { [given]: secret };
    for (
      const options of [{ credentials }, {
        predefinedQueues: { a: { url: "https://sqs.eu-west-1.amazonaws.com/1/a", credentials } },
      }]
    ) {
      assert.throws(wrong(options), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.ok(error.message.includes(`credentials.${missing}'`), error.message);
        assert.ok(!`${error.message}${error.stack}`.includes(secret));
        return true;
      });
    }
  }));
});

Deno.test("connect() with no predefined queue in 'predefinedQueues' knows no queue at all", async () => {
  await assert.rejects(queueUrl(connect({ predefinedQueues: {} }), "orders"), UndefinedQueueError);
});

Deno.test("connect() survives listeners that throw, at once or later", async () => {
  const fetch = () => Promise.resolve(new Response("{}", { status: 400 }));
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  for (
    const onEvent of [
      () => {
        throw new Error("at once");
      },
      () => Promise.reject(new Error("later")),
      () => runInNewContext("Promise.reject(new Error('elsewhere'))"),
    ]
  ) {
    const broker = connect({ credentials, http: { fetch }, onEvent });
    await assert.rejects(queueUrl(broker, "orders"), /sqs GetQueueUrl failed with Http400/);
  }
});
