/**
 * Generated sequences of verbs and faults over one broker: what was published is handled at least once, nothing is
 * deleted unhandled, FIFO groups keep their order, and what fails fails typed. FAULT_RUNS sets how many are tried.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { connect, consume, DashiError, forEach, get, publish, publishAll, queueSize } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { faulty, PASSING } from "./faults.ts";

const numRuns = Number(Deno.env.get("FAULT_RUNS") ?? 150);
const seed = Number(Deno.env.get("FAULT_SEED") ?? 20300101);

const faults = fc.array(fc.option(fc.nat(PASSING.length - 1), { freq: 3 }), {
  minLength: 10,
  maxLength: 80,
  size: "max",
});
const verb = fc.constantFrom("publish", "publishAll", "ack", "release", "extend", "retry", "get", "size", "break");
const script = fc.record({
  seed: fc.nat(1_000_000),
  faults,
  verbs: fc.array(verb, { minLength: 3, maxLength: 12 }),
  prefetch: fc.integer({ min: 1, max: 25 }),
  fifo: fc.boolean(),
});

Deno.test("whatever goes wrong, in whatever order, no message is lost and none is deleted unhandled", async () => {
  let struck = 0;
  let duplicates = 0;
  await fc.assert(
    fc.asyncProperty(script, async ({ seed, faults, verbs, prefetch, fifo }) => {
      const sqs = memorySqs({ seed });
      const queue = fifo ? "jobs.fifo" : "jobs";
      sqs.createQueue(queue, { VisibilityTimeout: 45 });
      const fetch = faulty((request) => sqs.fetch(request), sqs.clock, (_call, index) => PASSING[faults[index] ?? -1]);
      const broker = connect({ ...sqs.connectOptions, http: { fetch } });
      const handled: number[] = [];
      const confirmed: number[] = []; // published for certain
      let next = 0;
      const note = (body: unknown) => void handled.push(body as number);
      /** What SQS has no more was handled before: looked at after every step. */
      const check = () => {
        const left = new Set(
          sqs.messages(queue).map(({ body }) => JSON.parse(atob(JSON.parse(atob(body)).body)) as number),
        );
        for (const id of confirmed) assert.ok(left.has(id) || handled.includes(id), `${id} was lost`);
      };
      const options = (id: number) => ({ queue, ...(fifo && { groupId: `${id % 3}` }) });
      const typed = (error: unknown) => assert.ok(error instanceof DashiError, String(error));
      await sqs.clock.run(async () => {
        for (const verb of verbs) {
          try {
            if (verb === "publish") {
              const id = next++;
              await publish(broker, id, options(id));
              confirmed.push(id);
            } else if (verb === "publishAll") {
              const first = next;
              const messages = Array.from({ length: 13 }, () => ({ body: next, ...options(next++) }));
              let at = first;
              for await (
                const { error } of publishAll(broker, messages)
              ) {
                if (!error) confirmed.push(at);
                else typed(error);
                at++;
              }
            } else if (verb === "size") {
              await queueSize(broker, queue);
            } else if (verb === "get") {
              const delivery = await get(broker, queue, { waitTimeSeconds: 1 });
              if (delivery) note(delivery.body);
              await delivery?.ack();
            } else {
              let count = 0;
              for await (
                const delivery of consume(broker, queue, {
                  prefetch,
                  waitTimeSeconds: 2,
                  maxMessages: 9,
                  maxSeconds: 90,
                })
              ) {
                if (verb === "break" && ++count > 3) break;
                note(delivery.body);
                if (verb === "release") await delivery.release({ visibleAfter: 1 });
                else if (verb === "retry") await delivery.retry();
                else if (verb === "extend") await delivery.extend(60).then(() => delivery.ack());
                else await delivery.ack();
              }
            }
          } catch (error) {
            typed(error);
          }
          check();
        }
        // The outage ends: what is left is handled, in order within its group.
        const stop = new AbortController();
        const from = handled.length;
        const rest = consume(broker, queue, { prefetch, waitTimeSeconds: 2, signal: stop.signal });
        const work = forEach(rest, ({ body }) => note(body));
        while (sqs.messages(queue).length) {
          await sqs.clock.sleep(10);
          check();
        }
        stop.abort();
        await work;
        await rest.closed;
        await sqs.clock.sleep(60); // the graces of those before it
        if (fifo) {
          for (const group of [0, 1, 2]) {
            const firsts = [...new Set(handled.slice(from).filter((id) => id % 3 === group))];
            assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b), `group ${group} lost its order`);
          }
        }
      }, { limit: 100_000 });
      check();
      assert.deepEqual(confirmed.filter((id) => !handled.includes(id)), [], "published and never handled");
      assert.deepEqual(sqs.clock.waits, [], "something still waits");
      duplicates += handled.length - new Set(handled).size;
      struck += fetch.tried();
    }),
    { numRuns, seed },
  );
  if (numRuns > 1000) console.log({ numRuns, struck, duplicates, lost: 0 });
  assert.ok(struck > numRuns);
});
