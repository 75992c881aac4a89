/**
 * Every verb of a queue under every fault: alone, at each of its first requests, and for ever.
 */
import assert from "node:assert/strict";
import { AwsError, bind, connect, consume, DashiError, declareExchange, declareQueue, forEach, get } from "@dashi/sqs";
import { deleteQueue, publish, publishAll, purgeQueue, queueSize } from "@dashi/sqs";
import type { Broker, ConnectOptions, DashiEvent } from "@dashi/sqs";
import { type MemorySqs, memorySqs } from "@dashi/sqs/testing";
import { faulty, FINAL, type NamedFault, PASSING } from "./faults.ts";

interface Scene {
  readonly sqs: MemorySqs;
  readonly broker: Broker;
  readonly events: DashiEvent[];
}

/** What a verb does, and what must be true of it then. */
interface Verb {
  readonly name: string;
  readonly prepare?: (sqs: MemorySqs) => Promise<unknown> | void;
  readonly act: (scene: Scene) => Promise<unknown>;
  /** Is asked when the verb succeeded. */
  readonly done: (scene: Scene, result: unknown) => void;
  /** Is asked when the verb failed. */
  readonly undone?: (scene: Scene) => void;
  /** Requests that it makes when nothing goes wrong. */
  readonly requests: number;
  /** True for a verb that never gives up on what may pass. */
  readonly goesOn?: boolean;
}

const three = async (sqs: MemorySqs) => {
  for (const body of ["a", "b", "c"]) await sqs.sendMessage("jobs", body);
};
const once = (queue: string): Verb["done"] => ({ sqs }) => assert.equal(sqs.messages(queue).length, 1);
const atLeastOnce = (queue: string): Verb["done"] => ({ sqs }) => assert.ok(sqs.messages(queue).length >= 1);

/** Handles all of the queue's messages, each when nothing of it was deleted before. */
function consumer(settle: (scene: Scene, handled: Set<string>, count: number) => Promise<void>): Verb["act"] {
  return async (scene) => {
    const handled = new Set<string>();
    await settle(scene, handled, 3);
    return handled;
  };
}

const VERBS: readonly Verb[] = [
  {
    name: "publish()",
    act: ({ broker }) => publish(broker, "x", { queue: "jobs" }),
    done: atLeastOnce("jobs"),
    requests: 2,
  },
  {
    name: "publish() to a FIFO queue",
    act: ({ broker }) => publish(broker, "x", { queue: "jobs.fifo", groupId: "g" }),
    done: once("jobs.fifo"),
    requests: 2,
  },
  {
    name: "publish() through an exchange",
    prepare: (sqs) => void sqs.createQueue("more"),
    async act({ broker }) {
      await declareExchange(broker, "news", { type: "topic" });
      await bind(broker, "jobs", { exchange: "news", routingKey: "#" });
      await bind(broker, "more", { exchange: "news", routingKey: "#" });
      return await publish(broker, "x", { exchange: "news", routingKey: "a.b" });
    },
    done: (scene, result) => {
      atLeastOnce("jobs")(scene, result);
      atLeastOnce("more")(scene, result);
    },
    requests: 4,
  },
  {
    name: "publishAll()",
    act: ({ broker }) =>
      Array.fromAsync(publishAll(broker, Array.from({ length: 25 }, (_, id) => ({ body: id })), { queue: "jobs" })),
    done({ sqs }, result) {
      const results = result as { error?: Error; sent: readonly { messageId: string }[] }[];
      assert.equal(results.length, 25);
      const there = new Set(sqs.messages("jobs").map(({ messageId }) => messageId));
      for (const { error, sent } of results) {
        if (error) assert.ok(error instanceof DashiError, String(error));
        else assert.ok(there.has(sent[0].messageId));
      }
    },
    requests: 4,
  },
  {
    name: "publishAll() to a FIFO queue",
    act: ({ broker }) =>
      Array.fromAsync(
        publishAll(broker, Array.from({ length: 12 }, (_, id) => ({ body: id, groupId: `${id % 2}` })), {
          queue: "jobs.fifo",
        }),
      ),
    done({ sqs }, result) {
      const results = result as { error?: Error }[];
      assert.equal(results.length, 12);
      const good = results.flatMap(({ error }, id) => error ? [] : [id]);
      const there = sqs.messages("jobs.fifo").map((message) => JSON.parse(atob(JSON.parse(atob(message.body)).body)));
      for (const id of good) assert.equal(there.filter((other) => other === id).length, 1);
      for (const group of [0, 1]) {
        const order = there.filter((id) => id % 2 === group);
        assert.deepEqual(order, order.toSorted((a, b) => a - b), "a group lost its order");
      }
    },
    requests: 7,
  },
  {
    name: "consume() with ack()",
    prepare: three,
    act: consumer(async ({ sqs, broker }, handled) => {
      for await (const delivery of consume(broker, "jobs", { untilEmpty: false, waitTimeSeconds: 5 })) {
        handled.add(delivery.messageId);
        await delivery.ack().catch(() => {});
        if (sqs.messages("jobs").length === 0) break;
      }
    }),
    done({ sqs }, handled) {
      assert.equal((handled as Set<string>).size, 3, "a message was deleted and never handled");
      assert.equal(sqs.messages("jobs").length, 0);
    },
    requests: 4,
    goesOn: true,
  },
  {
    name: "consume() with release()",
    prepare: three,
    act: consumer(async ({ sqs, broker }, handled) => {
      const released = new Set<string>();
      for await (const delivery of consume(broker, "jobs", { waitTimeSeconds: 5 })) {
        if (released.has(delivery.messageId)) {
          handled.add(delivery.messageId);
          await delivery.ack().catch(() => {});
        } else {
          released.add(delivery.messageId);
          await delivery.release({ visibleAfter: 2 }).catch(() => {});
        }
        if (sqs.messages("jobs").length === 0) break;
      }
    }),
    done: (_, handled) => assert.equal((handled as Set<string>).size, 3),
    requests: 5,
    goesOn: true,
  },
  {
    name: "consume() with extend()",
    prepare: three,
    act: consumer(async ({ sqs, broker }, handled) => {
      for await (const delivery of consume(broker, "jobs", { waitTimeSeconds: 5 })) {
        await delivery.extend(120).catch(() => {});
        handled.add(delivery.messageId);
        await delivery.ack().catch(() => {});
        if (sqs.messages("jobs").length === 0) break;
      }
    }),
    done: (_, handled) => assert.equal((handled as Set<string>).size, 3),
    requests: 5,
    goesOn: true,
  },
  {
    name: "consume() with reject()",
    prepare: three,
    act: consumer(async ({ sqs, broker }, handled) => {
      for await (const delivery of consume(broker, "jobs", { waitTimeSeconds: 5 })) {
        handled.add(delivery.messageId);
        await delivery.reject().catch(() => {});
        if (sqs.messages("jobs").length === 0) break;
      }
    }),
    done: (_, handled) => assert.equal((handled as Set<string>).size, 3),
    requests: 4,
    goesOn: true,
  },
  {
    name: "forEach() on a FIFO queue",
    prepare: async (sqs) => {
      for (let id = 0; id < 6; id++) {
        await sqs.sendMessage("jobs.fifo", `${id}`, { groupId: `${id % 2}`, deduplicationId: `${id}` });
      }
    },
    async act({ sqs, broker }) {
      const handled: number[] = [];
      const stop = new AbortController();
      await forEach(consume(broker, "jobs.fifo", { waitTimeSeconds: 5, signal: stop.signal }), (delivery) => {
        handled.push(Number(delivery.body));
        // The last message goes when its ack is confirmed; that is looked at once more here, for it may come again.
        void (async () => {
          while (sqs.messages("jobs.fifo").length) await sqs.clock.sleep(5);
          stop.abort();
        })();
      });
      return handled;
    },
    done({ sqs }, result) {
      const handled = result as number[];
      assert.equal(sqs.messages("jobs.fifo").length, 0);
      for (const group of [0, 1]) {
        const firsts = [...new Set(handled.filter((id) => id % 2 === group))];
        assert.deepEqual(firsts, [group, group + 2, group + 4], "a group lost its order");
      }
    },
    requests: 5,
    goesOn: true,
  },
  {
    name: "get()",
    prepare: three,
    act: async ({ broker }) => {
      const delivery = await get(broker, "jobs", { waitTimeSeconds: 1 });
      await delivery?.ack().catch(() => {});
      return delivery;
    },
    done: ({ sqs }) => assert.ok(sqs.messages("jobs").length >= 2),
    requests: 4,
  },
  {
    name: "queueSize()",
    prepare: three,
    act: ({ broker }) => queueSize(broker, "jobs"),
    done: (_, size) => assert.equal((size as { visible: number }).visible, 3),
    requests: 2,
  },
  {
    name: "declareQueue()",
    act: ({ broker }) => declareQueue(broker, "fresh", { attributes: { VisibilityTimeout: 60 } }),
    done: ({ sqs }) => assert.ok(sqs.queueNames.includes("fresh")),
    requests: 3,
  },
  {
    name: "deleteQueue()",
    act: ({ broker }) => deleteQueue(broker, "jobs"),
    done: ({ sqs }) => assert.ok(!sqs.queueNames.includes("jobs")),
    requests: 2,
  },
];

/** Faults that struck, over all plays. */
let struck = 0;

/** Plays a verb while a fault strikes, and checks what is promised of it. */
async function play(
  verb: Verb,
  pick: (index: number) => NamedFault | undefined,
  options: { mayFail: boolean; limit?: number; label: string; more?: ConnectOptions },
): Promise<{ tried: number; failed: boolean }> {
  const sqs = memorySqs();
  sqs.createQueue("jobs", { VisibilityTimeout: 40 });
  sqs.createQueue("jobs.fifo", { VisibilityTimeout: 40 });
  await verb.prepare?.(sqs);
  const events: DashiEvent[] = [];
  const fetch = faulty((request) => sqs.fetch(request), sqs.clock, (_call, index) => pick(index));
  const broker = connect({
    ...sqs.connectOptions,
    ...options.more,
    http: { fetch },
    onEvent: (event) => events.push(event),
  });
  const scene = { sqs, broker, events };
  let failed = false;
  try {
    const result = await sqs.clock.run(() => verb.act(scene), { limit: options.limit ?? 7200 });
    verb.done(scene, result);
  } catch (error) {
    if (error instanceof assert.AssertionError) throw new Error(`${options.label}: ${error.message}`, { cause: error });
    failed = true;
    assert.ok(options.mayFail, `${options.label}: ${error}`);
    assert.ok(error instanceof DashiError, `${options.label}: ${error}`);
    verb.undone?.(scene);
  }
  struck += fetch.tried();
  return { tried: fetch.tried(), failed };
}

for (const verb of VERBS) {
  Deno.test(`${verb.name} gets past every fault that strikes once, wherever it strikes`, async () => {
    for (const fault of PASSING) {
      for (let at = 0; at < verb.requests; at++) {
        // deleteQueue() carried out and its answer lost: the retry finds no queue, which is what was wanted or an error.
        const mayFail = verb.name === "deleteQueue()" && fault.carriedOut;
        const label = `${verb.name}, ${fault.name} at request ${at}`;
        await play(verb, (index) => index === at ? fault : undefined, { mayFail, label });
      }
    }
  });

  Deno.test(`${verb.name} gives a typed error, in time, under every fault that lasts`, async () => {
    for (const fault of [...PASSING, ...FINAL]) {
      const lasts = !/clock|latency of 5 s|left out/.test(fault.name);
      const label = `${verb.name}, ${fault.name} for ever`;
      // A consumer goes on for ever while it may pass: after an outage of ten minutes it does its work.
      const outage = verb.goesOn && fault.passes && fault.name !== "ExpiredToken";
      const until = Date.UTC(2030, 0, 1, 0, 10);
      let now = 0;
      const outageOver: NamedFault = {
        ...fault,
        on: (call, at) => (now = at) < until ? fault.on(call, at) : undefined,
      };
      const { tried } = await play(verb, () => outage ? outageOver : fault, {
        mayFail: !outage && (lasts || verb.name === "queueSize()" || verb.name === "declareQueue()"),
        label,
      });
      assert.ok(tried > 0 || /left out/.test(fault.name), label);
      if (outage && lasts) assert.ok(now >= until, `${label}: it ended early`);
    }
  });
}

Deno.test("purgeQueue() gets past every fault that strikes once, or says that it was purged already", async () => {
  const verb: Verb = {
    name: "purgeQueue()",
    prepare: three,
    act: ({ broker }) => purgeQueue(broker, "jobs"),
    done: ({ sqs }) => assert.equal(sqs.messages("jobs").length, 0),
    requests: 3,
  };
  for (const fault of PASSING) {
    for (let at = 0; at < 3; at++) {
      const label = `${fault.name} at request ${at}`;
      await play(verb, (index) => index === at ? fault : undefined, { mayFail: at === 2 && fault.carriedOut, label });
    }
  }
});

Deno.test("expired keys that stay expired end a consumer with an AwsError", async () => {
  const expired = PASSING.find(({ name }) => name === "ExpiredToken")!;
  const verb = VERBS.find(({ name }) => name === "consume() with ack()")!;
  const events: DashiEvent[] = [];
  const sqs = memorySqs();
  sqs.createQueue("jobs");
  const fetch = faulty((request) => sqs.fetch(request), sqs.clock, () => expired);
  const broker = connect({ ...sqs.connectOptions, http: { fetch }, onEvent: (event) => events.push(event) });
  await assert.rejects(sqs.clock.run(() => verb.act({ sqs, broker, events })), AwsError);
});

Deno.test("the matrix is one of thousands of faults", () => assert.ok(struck > 3000, `${struck} faults`));
