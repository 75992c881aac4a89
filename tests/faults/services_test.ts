/**
 * Payloads in S3, topics of SNS and roles of STS under faults, in virtual time: alone at each of their requests, and in
 * generated sequences.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import {
  bind,
  type Broker,
  connect,
  type ConnectOptions,
  consume,
  DashiError,
  declareExchange,
  publish,
  publishMany,
} from "@dashi/sqs";
import { assumeRole } from "@dashi/sqs/credentials";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads } from "@dashi/sqs/payloads";
import { type MemorySqs, memorySqs } from "@dashi/sqs/testing";
import { assumed } from "../credentials/fakes.ts";
import { CREDENTIALS, strictS3 } from "../payloads/strict_s3.ts";
import { faultFetch, type HttpFault } from "../support/http_fault.ts";
import { PASSING, XML_FAULTS as FAULTS } from "./faults.ts";

const TOPIC = "arn:aws:sns:eu-west-1:000000000000:news";

interface Scene {
  readonly sqs: MemorySqs;
  readonly broker: Broker;
  readonly objects: Map<string, unknown>;
  /** Messages that the topic took, by deduplication id or place. */
  readonly topic: string[];
  /** Requests to services that speak XML. */
  readonly tried: () => number;
}

/** AWS in memory, where `pick` says what goes wrong with the requests to S3, SNS and STS: 0 is the first of them. */
function scene(pick: (index: number) => HttpFault | undefined, more: Partial<ConnectOptions> = {}): Scene {
  const sqs = memorySqs({ region: "eu-west-1" });
  sqs.createQueue("jobs", { VisibilityTimeout: 60 });
  const s3 = strictS3();
  const topic: string[] = [];
  let count = 0;
  const others = faultFetch(
    async (request) => {
      const form = new URLSearchParams(await request.clone().text());
      const action = form.get("Action");
      if (!action) return await s3.fetch(request);
      if (action.startsWith("AssumeRole")) return assumed(action, "AKIDEXAMPLE", "2040-01-01T00:00:00Z");
      if (action === "Publish") topic.push(form.get("Message")!);
      const results: Record<string, string> = {
        CreateTopic: `<TopicArn>${TOPIC}</TopicArn>`,
        Subscribe: `<SubscriptionArn>${TOPIC}:0f8fad5b-d9cb-469f-a165-70867728950e</SubscriptionArn>`,
        ListSubscriptionsByTopic: "<Subscriptions/>",
        Publish: `<MessageId>m${topic.length}</MessageId>`,
        GetTopicAttributes: "<Attributes/>",
      };
      return new Response(
        `<${action}Response><${action}Result>${results[action] ?? ""}</${action}Result></${action}Response>`,
      );
    },
    () => pick(count++),
    sqs.clock,
  );
  const keys = async () => {
    await sqs.connectOptions.credentials();
    return CREDENTIALS;
  };
  const broker = connect({
    ...sqs.connectOptions,
    region: "eu-west-1",
    endpoint: undefined,
    credentials: keys,
    payloads: s3Payloads({ bucket: "letters", always: true }),
    fanout: snsFanout(),
    http: {
      async fetch(request) {
        if (request.headers.has("x-amz-target")) return await sqs.fetch(request);
        // The model's clock waits for the request that was signed: this one goes elsewhere.
        await sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
        return await others(request);
      },
    },
    ...more,
  });
  return { sqs, broker, objects: s3.objects, topic, tried: () => count };
}

/** Publishes and consumes bodies that go to S3; every one that was taken must come whole. */
async function carry({ sqs, broker, objects }: Scene, bodies: readonly string[]): Promise<void> {
  const results = await publishMany(broker, bodies.map((body) => ({ body })), { queue: "jobs" });
  const taken = bodies.filter((_, index) => !results[index].error);
  for (const { error } of results) if (error) assert.ok(error instanceof DashiError, String(error));
  const handled = new Set<unknown>();
  for await (const delivery of consume(broker, "jobs", { waitTimeSeconds: 1, maxSeconds: 900 })) {
    assert.ok(bodies.includes(delivery.body as string), "a body came broken");
    handled.add(delivery.body);
    await delivery.ack();
    if (!sqs.messages("jobs").length) break;
  }
  for (const body of taken) assert.ok(handled.has(body), "a payload was lost");
  await sqs.clock.sleep(120); // the clean-up goes on in the background
  assert.ok(objects.size <= bodies.length * 2);
}

const BODIES = ["one ".repeat(100), "zwei ".repeat(200), "три ".repeat(300)];

Deno.test("a payload gets past every fault that strikes once, at each of its requests", async () => {
  for (const { name, fault } of FAULTS) {
    for (let at = 0; at < 8; at++) {
      const one = scene((index) => index === at ? fault : undefined);
      await one.sqs.clock.run(() => carry(one, BODIES.slice(0, 2))).catch((error) => {
        throw new Error(`${name} at request ${at}: ${error.message}`, { cause: error });
      });
      assert.ok(one.tried() >= 5);
    }
  }
});

Deno.test("a payload that S3 does not take for good is a typed error, and nothing is in the queue", async () => {
  for (const { name, fault } of FAULTS.filter(({ name }) => !/latency of 5|half a body/.test(name))) {
    const one = scene(() => fault);
    await one.sqs.clock.run(() => assert.rejects(publish(one.broker, BODIES[0], { queue: "jobs" }), DashiError, name));
    assert.equal(one.sqs.messages("jobs").length, 0, name);
  }
});

Deno.test("a payload that can't be read for now leaves its message in the queue", async () => {
  for (const { name, fault } of FAULTS.filter(({ name }) => !/latency of 5/.test(name))) {
    let broken = false;
    const one = scene(() => broken ? fault : undefined);
    await one.sqs.clock.run(async () => {
      await publish(one.broker, BODIES[0], { queue: "jobs" });
      broken = true;
      one.sqs.clock.sleep(200).then(() => broken = false);
      for await (const { body } of consume(one.broker, "jobs", { waitTimeSeconds: 1 })) {
        assert.equal(body, BODIES[0], name);
        break;
      }
    });
    assert.equal(one.objects.size, 1, `${name}: the object is there as long as its message`);
  }
});

Deno.test("payloads get past generated sequences of faults: what was taken comes whole", async () => {
  const numRuns = Number(Deno.env.get("FAULT_RUNS") ?? 60);
  const seed = Number(Deno.env.get("FAULT_SEED") ?? 20300101);
  const faults = fc.array(fc.option(fc.constantFrom(...FAULTS), { freq: 2 }), {
    minLength: 5,
    maxLength: 40,
    size: "max",
  });
  await fc.assert(
    fc.asyncProperty(faults, async (faults) => {
      const one = scene((index) => faults[index]?.fault);
      await one.sqs.clock.run(() => carry(one, BODIES), { limit: 100_000 });
    }),
    { numRuns, seed },
  );
});

Deno.test("a fanout exchange is bound and published to past every fault that strikes once", async () => {
  for (const { name, fault } of FAULTS) {
    for (let at = 0; at < 5; at++) {
      const one = scene((index) => index === at ? fault : undefined, { payloads: undefined });
      await one.sqs.clock.run(async () => {
        await declareExchange(one.broker, "news", { type: "fanout" });
        await bind(one.broker, "jobs", { exchange: "news" });
        await publish(one.broker, "hello", { exchange: "news" });
      }).catch((error) => {
        throw new Error(`${name} at request ${at}: ${error.message}`, { cause: error });
      });
      assert.ok(one.topic.length >= 1 && one.topic.length <= 2, name);
    }
  }
});

Deno.test("a role's keys come past every fault that strikes once, and are a typed error where it lasts", async () => {
  const role = () => assumeRole({ arn: "arn:aws:iam::123456789012:role/orders", credentials: { ...CREDENTIALS } });
  for (const { name, fault } of FAULTS) {
    // Keys that are no provider's would be refused as expired again.
    const passes = !/ExpiredToken/.test(name);
    const one = scene((index) => index === 0 ? fault : undefined, { payloads: undefined, credentials: role() });
    const sent = one.sqs.clock.run(() => publish(one.broker, 1, { queue: "jobs" }));
    if (passes) await sent.catch((error) => assert.fail(`${name}: ${error}`));
    else await assert.rejects(sent, DashiError);
    if (/latency of 5/.test(name)) continue;
    const lasting = scene(() => fault, { payloads: undefined, credentials: role() });
    await lasting.sqs.clock.run(() => assert.rejects(publish(lasting.broker, 1, { queue: "jobs" }), DashiError, name));
  }
});

Deno.test("SQS under every fault does no harm to payloads", async () => {
  for (const named of PASSING) {
    for (let at = 0; at < 4; at++) {
      const one = scene(() => undefined);
      const broken = faultFetch(
        (request) => one.sqs.fetch(request),
        (call) => call.sequence - 1 === at ? named.on(call, +one.sqs.clock.now()) : undefined,
        one.sqs.clock,
      );
      const s3 = strictS3();
      const broker = connect({
        ...one.sqs.connectOptions,
        credentials: async () => (await one.sqs.connectOptions.credentials(), CREDENTIALS),
        endpoint: undefined,
        payloads: s3Payloads({ bucket: "letters", always: true }),
        http: {
          async fetch(request) {
            if (request.headers.has("x-amz-target")) return await broken(request);
            await one.sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
            return await s3.fetch(request);
          },
        },
      });
      await one.sqs.clock.run(() => carry({ ...one, broker, objects: s3.objects }, BODIES.slice(0, 1)))
        .catch((error) => {
          throw new Error(`${named.name} at request ${at}: ${error.message}`, { cause: error });
        });
    }
  }
});
