/** No error, event or object shows a key, a token, a password or a signature, in whatever form. */
import assert from "node:assert/strict";
import {
  bind,
  type Broker,
  connect,
  type ConnectOptions,
  consume,
  type DashiEvent,
  declareExchange,
  declareQueue,
  deleteQueue,
  get,
  publish,
  publishAll,
  purgeQueue,
  queueSize,
  queueUrl,
  redrive,
} from "@dashi/sqs";
import * as providers from "@dashi/sqs/credentials";
import { fromCelery } from "@dashi/sqs/config";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads, s3Results } from "@dashi/sqs/payloads";
import { memorySqs } from "@dashi/sqs/testing";
import { stateOf } from "../../lib/broker.ts";
import { resolveQueue } from "../../lib/topology/resolve_queue.ts";
import { withEnv } from "../support/with_env.ts";
import { assertHidden, formsOf } from "./leaks.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY=EXAMPLEKEY";
const TOKEN = "FwoGZXIvYXdzEBYaDH+session/token==with/odd+chars&and%percent";
const OTHER = "AnotherSecret/For+OneQueue=0123456789abcdef";
const FIFTH = "KeysOf/One+Exchange=fedcba98765432100000";
const WEB = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcmRlcnMifQ.c2lnbmF0dXJl";
const CONTAINER = "Bearer-container/token+0123456789=abc";
const PASSWORD = "url-password/with+odd=chars%25";
const SECRETS = [SECRET, TOKEN, OTHER, FIFTH, WEB, CONTAINER, PASSWORD];
const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: TOKEN };

Deno.test("the search itself finds a secret in each of its forms", () => {
  for (const form of formsOf(SECRET)) {
    assert.throws(() => assertHidden(new Error(`x ${form} y`), [SECRET], "an error"), form);
  }
  assert.throws(() => assertHidden({ deep: [{ [SECRET]: 1 }] }, [SECRET], "a key"));
  assert.throws(() => assertHidden(Object.defineProperty({}, "x", { value: SECRET }), [SECRET], "what is hidden"));
  assert.throws(() => assertHidden(new Error("x", { cause: new Error(TOKEN) }), [TOKEN], "a cause"));
  assert.throws(() => assertHidden(btoa(`xy${TOKEN}z`), [TOKEN], "base64"));
});

/** Servers that repeat all that they were sent. */
const ECHOES: Record<string, (request: Request, body: string) => Response | Promise<Response>> = {
  "an error that repeats the request": (request, body) => {
    const said = [...request.headers].map((pair) => pair.join(": ")).join(", ");
    const message = `The request ${request.url} ${said} ${body}`;
    return new Response(JSON.stringify({ __type: "InvalidSignatureException", message }), { status: 403 });
  },
  "an error in XML that repeats the request": (request, body) => {
    const said = [...request.headers].map((pair) => pair.join(": ")).join(", ").replaceAll("&", "&amp;");
    const message = `${said} ${encodeURIComponent(body)}`;
    return new Response(
      `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>${message}</Message></Error></ErrorResponse>`,
      {
        status: 403,
      },
    );
  },
  "an error code that repeats the token": (request) => {
    const token = request.headers.get("x-amz-security-token") ?? "";
    return new Response(JSON.stringify({ __type: token, message: encodeURIComponent(token) }), { status: 400 });
  },
  "headers that repeat the token": (request) => {
    const token = request.headers.get("x-amz-security-token") ?? "";
    const authorization = request.headers.get("authorization") ?? "";
    return new Response("", {
      status: 400,
      headers: {
        "x-amzn-requestid": `${token} ${authorization}`,
        "x-amzn-errortype": token,
        "x-amzn-query-error": token,
      },
    });
  },
  "a page that repeats the request": (request, body) => {
    return new Response(`<html>${[...request.headers]} ${body}</html>`, { status: 503 });
  },
  "a good status with the request": (request, body) => new Response(`${[...request.headers]}${body}`),
  "a redirect that repeats the token": (request) => {
    const token = encodeURIComponent(request.headers.get("x-amz-security-token") ?? "");
    return new Response("", { status: 307, headers: { location: `https://evil.example/?t=${token}` } });
  },
  "a connection error that shows the request": (request) => {
    const [authorization, token] = ["authorization", "x-amz-security-token"].map((name) => request.headers.get(name));
    return Promise.reject(new TypeError(`fetch failed: ${request.url}?X=${token} ${authorization} ${token}`));
  },
};

/** Everything that a broker can be asked. */
const VERBS: Record<string, (broker: Broker) => unknown> = {
  publish: (broker) => publish(broker, { id: 1 }, { queue: "orders" }),
  "publish to a queue of its own keys": (broker) => publish(broker, { id: 1 }, { queue: "special" }),
  publishAll: (broker) => Array.fromAsync(publishAll(broker, [{ body: 1 }], { queue: "orders" })),
  consume: (broker) => Array.fromAsync(consume(broker, "orders", { maxSeconds: 5 })),
  // It waits for an outage to end, as consume() does.
  get: (broker) => {
    const stop = new AbortController();
    stateOf(broker).clock.sleep(60).then(() => stop.abort());
    return get(broker, "orders", { signal: stop.signal });
  },
  queueSize: (broker) => queueSize(broker, "orders"),
  queueUrl: (broker) => queueUrl(broker, "orders"),
  purgeQueue: (broker) => purgeQueue(broker, "orders"),
  declareQueue: (broker) => declareQueue(broker, "orders"),
  deleteQueue: (broker) => deleteQueue(broker, "orders"),
  redrive: (broker) => redrive(broker, "orders"),
  fanout: async (broker) => {
    await declareExchange(broker, "news", { type: "fanout" });
    await bind(broker, "orders", { exchange: "news" });
  },
  "publish to an exchange": async (broker) => {
    await declareExchange(broker, "news", { type: "fanout" });
    return await publish(broker, 1, { exchange: "news" });
  },
  "a large payload": (broker) => publish(broker, "x".repeat(300_000), { queue: "orders" }),
};

function options(more: ConnectOptions): ConnectOptions {
  return {
    region: "eu-west-1",
    credentials: KEYS,
    fanout: snsFanout({
      topics: {
        news: {
          arn: "arn:aws:sns:eu-west-1:123456789012:news",
          credentials: { ...KEYS, secretAccessKey: FIFTH },
        },
      },
    }),
    payloads: s3Payloads({ bucket: "letters", credentials: { ...KEYS, secretAccessKey: OTHER } }),
    ...more,
  };
}

const predefinedQueues = {
  orders: { url: "https://sqs.eu-west-1.amazonaws.com/123456789012/orders" },
  special: {
    url: "https://sqs.eu-west-1.amazonaws.com/123456789012/special",
    credentials: { ...KEYS, secretAccessKey: OTHER },
  },
};

for (const [name, answer] of Object.entries(ECHOES)) {
  Deno.test(`no verb's errors and events show a secret: ${name}`, async () => {
    for (const predefined of [undefined, predefinedQueues]) {
      for (const credentials of [KEYS, () => Promise.resolve({ ...KEYS })]) {
        for (const [verb, act] of Object.entries(VERBS)) {
          const { clock } = memorySqs();
          const shown: unknown[] = [];
          const signatures: string[] = [];
          const broker = connect(options({
            clock,
            credentials,
            predefinedQueues: predefined,
            onEvent: (event) => shown.push(event),
            http: {
              async fetch(request) {
                const signature = /Signature=([0-9a-f]{64})/.exec(request.headers.get("authorization") ?? "");
                if (signature) signatures.push(signature[1]);
                return await answer(request, await request.text());
              },
            },
          }));
          await clock.run(async () => {
            try {
              shown.push(await act(broker));
            } catch (error) {
              shown.push(error);
            }
          }, { limit: 100_000 });
          for (const one of shown) assertHidden(one, [...SECRETS, ...signatures], `${name}: ${verb}`);
        }
      }
    }
  });
}

Deno.test("no object that holds keys shows them to an inspector, a serialiser or a log", async () => {
  const celery = fromCelery(`sqs://AKID:${encodeURIComponent(SECRET)}@localhost:4566`, {
    predefined_queues: {
      orders: {
        url: "http://localhost:4566/1/orders",
        access_key_id: "AKID",
        secret_access_key: OTHER,
        session_token: TOKEN,
      },
    },
    predefined_exchanges: {
      news: { arn: "arn:aws:sns:eu-west-1:123456789012:news", access_key_id: "AKID", secret_access_key: FIFTH },
    },
    supports_fanout: true,
  });
  const broker = connect(options({ predefinedQueues }));
  const sqs = memorySqs();
  sqs.createQueue("orders");
  await sqs.sendMessage("orders", "x");
  const events: DashiEvent[] = [];
  const live = connect({ ...sqs.connectOptions, credentials: KEYS, onEvent: (event) => events.push(event) });
  const deliveries = consume(live, "orders", { waitTimeSeconds: 0, untilEmpty: true });
  const delivered: unknown[] = [];
  await sqs.clock.run(async () => {
    for await (const delivery of deliveries) {
      delivered.push(delivery);
      await delivery.ack();
    }
  });
  const shown: Record<string, unknown> = {
    broker,
    "a broker of fromCelery()": connect(celery),
    "fromCelery() options": celery,
    deliveries,
    delivered,
    events,
    "an iterator": consume(broker, "orders")[Symbol.asyncIterator](),
    "publishAll()": publishAll(broker, [], { queue: "orders" }),
    "an address": await resolveQueue(broker, "special"),
    "an address under another name": await resolveQueue(broker, predefinedQueues.special.url),
    staticCredentials: providers.staticCredentials(KEYS),
    assumeRole: providers.assumeRole({ arn: "arn:aws:iam::123456789012:role/r", credentials: KEYS }),
    chain: providers.chain(providers.staticCredentials(KEYS), providers.env()),
    s3Payloads: s3Payloads({ bucket: "letters", credentials: KEYS }),
    s3Results: s3Results({ bucket: "letters", credentials: KEYS }),
    snsFanout: snsFanout({ topics: { news: { arn: "arn:aws:sns:eu-west-1:123456789012:news", credentials: KEYS } } }),
    "@dashi/sqs": await import("@dashi/sqs"),
  };
  for (const [name, value] of Object.entries(shown)) assertHidden(value, SECRETS, name);
});

Deno.test("wrong options are refused without showing what may be half of a secret", () => {
  const wrong: (() => unknown)[] = [
    () => connect({ credentials: SECRET as never }),
    () => connect({ credentials: { accessKeyId: SECRET, secretAccessKey: undefined } as never }),
    () => connect({ credentials: [SECRET, TOKEN] as never }),
    () => connect({ endpoint: `https://user:${PASSWORD}@localhost:1` }),
    () => connect({ endpoint: { sqs: `ftp://user:${PASSWORD}@localhost:1` } }),
    () => connect({ predefinedQueues: { a: { url: `sqs://user:${PASSWORD}@localhost/1/a` } } }),
    () => connect({ predefinedQueues: { a: { url: "https://x/1/a", credentials: SECRET as never } } }),
    () => connect({ predefinedQueues: { a: `https://user:${PASSWORD}@x/1/a` as never } }),
    () => fromCelery(`sqs://AKID:${SECRET}@localhost`),
    () => fromCelery(`sqs://AKID:${PASSWORD}@local host`),
    () => fromCelery(`amqp://AKID:${PASSWORD}@localhost`),
    () => fromCelery(`sqs://${encodeURIComponent(SECRET)}@localhost`),
    () => fromCelery("sqs://", { predefined_queues: { a: { url: "x", secret_access_key: SECRET } } }),
    () =>
      fromCelery(
        "sqs://",
        { predefined_queues: { a: { url: "x", access_key_id: "AKID", secret_access_key: [SECRET] } } } as never,
      ),
    () => fromCelery("sqs://", { session_token: TOKEN } as never),
    () => providers.staticCredentials({ accessKeyId: "", secretAccessKey: SECRET }),
    () => snsFanout({ topics: { news: { arn: "x", credentials: KEYS } } }),
    () => s3Payloads({ bucket: "letters", credentials: SECRET as never }),
  ];
  for (const [index, act] of wrong.entries()) {
    try {
      assertHidden(act(), SECRETS, `option ${index}`);
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assertHidden(error, SECRETS, `option ${index}`);
    }
  }
});

Deno.test("providers that fail show neither their keys, their tokens nor what they were answered", async () => {
  const token = await Deno.makeTempFile();
  await Deno.writeTextFile(token, WEB);
  const answers = [
    () => new Response(`{"AccessKeyId":"AKID","SecretAccessKey":"${SECRET}","Token":7,"x":"${TOKEN}"}`),
    () => new Response(`${SECRET} ${TOKEN}`),
    () =>
      new Response(
        `<AssumeRoleResponse><AssumeRoleResult><Credentials><SecretAccessKey>${SECRET}</SecretAccessKey></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      ),
    (request: Request, body: string) =>
      new Response(
        `<ErrorResponse><Error><Code>AccessDenied</Code><Message>${[
          ...request.headers,
        ]} ${body}</Message></Error></ErrorResponse>`.replaceAll("&", "&amp;"),
        { status: 403 },
      ),
    (request: Request, body: string) => Promise.reject(new TypeError(`${request.url} ${[...request.headers]} ${body}`)),
  ];
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/keys",
    AWS_CONTAINER_AUTHORIZATION_TOKEN: CONTAINER,
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/r",
    AWS_WEB_IDENTITY_TOKEN_FILE: token,
  };
  await withEnv(env, async () => {
    for (const answer of answers) {
      const all = {
        assumeRole: providers.assumeRole({ arn: env.AWS_ROLE_ARN, credentials: KEYS }),
        webIdentity: providers.webIdentity(),
        container: providers.container(),
        instanceMetadata: providers.instanceMetadata(),
        chain: providers.chain(providers.container(), providers.instanceMetadata()),
      };
      for (const [name, credentials] of Object.entries(all)) {
        const { clock } = memorySqs();
        const shown: unknown[] = [];
        const broker = connect({
          region: "eu-west-1",
          credentials,
          clock,
          onEvent: (event) => shown.push(event),
          http: { fetch: async (request) => await answer(request, await request.text()) },
        });
        await clock.run(() => queueUrl(broker, "orders").catch((error) => shown.push(error)));
        assert.ok(shown.length > 0);
        for (const one of shown) assertHidden(one, SECRETS, name);
      }
    }
  });
  await Deno.remove(token);
});
