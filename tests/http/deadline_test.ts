/** How long send() waits for an answer, on any clock. */
import assert from "node:assert/strict";
import type { AwsError } from "../../lib/errors.ts";
import { connect } from "../../lib/connect.ts";
import { send } from "../../lib/http/send.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { wrongClock } from "../support/wrong_clock.ts";
import { bad, failure, good, QUEUE, remove, setUp, turn } from "./setup.ts";

const longPoll = receiveMessage({ queueUrl: QUEUE, waitTimeSeconds: 20 });

Deno.test("send() gives a fetch that never answers a deadline, and the request's signal with it", async () => {
  const { broker, clock, requests } = setUp([() => new Promise(() => {})], { http: { maxAttempts: 1 } });
  const sent = failure<AwsError>(send(broker, longPoll));
  await turn();
  assert.deepEqual(clock.running, [1020], "a receive's wait is added");
  clock.strike();
  const error = await sent;
  assert.deepEqual([error.awsCode, error.status, error.retryable], ["Timeout", 0, true]);
  assert.match(error.message, /within 1020 s/);
  assert.equal(requests[0].signal.aborted, true);
  assert.deepEqual(clock.running, []);
});

Deno.test("send() gives a body that never ends a deadline of its own", async () => {
  const start = (controller: ReadableStreamDefaultController) => controller.enqueue(new TextEncoder().encode('{"Mess'));
  const endless = () => new Response(new ReadableStream({ start }));
  const { broker, clock } = setUp([endless], { http: { maxAttempts: 1 } });
  const sent = failure<AwsError>(send(broker, longPoll));
  await turn();
  assert.deepEqual(clock.running, [1020]);
  clock.strike();
  await turn();
  assert.deepEqual(clock.running, [1000], "the headers were in time, so the body has as long again");
  clock.strike();
  const error = await sent;
  assert.equal(error.awsCode, "Timeout");
  assert.match(error.message, /within 1000 s/);
});

Deno.test("send() waits for its answer on a clock that sleeps for no time at all, standing still or not", async () => {
  const late = () => new Promise<Response>((resolve) => setTimeout(() => resolve(good()), 0));
  let time = Date.UTC(2026, 0, 2);
  const slept: number[] = [];
  const standing = { now: () => time, sleep: () => Promise.resolve() };
  const leaping = {
    now: () => time,
    sleep: async (seconds: number) => {
      await null;
      slept.push(seconds);
      time += seconds * 1000;
    },
  };
  for (const clock of [standing, leaping]) {
    const { broker, requests } = setUp([bad("RequestThrottled", "later"), late], { clock });
    await send(broker, remove);
    assert.equal(requests.length, 2);
  }
  assert.ok(slept.includes(0.1), "the wait between two tries");
});

Deno.test("send() takes an answer that came while the event loop stood still past its deadline", async () => {
  for (const answered of [true, false]) {
    let now = Date.UTC(2026, 0, 2);
    let answer: ((response: Response) => void) | undefined;
    const { broker } = setUp([() => new Promise<Response>((resolve) => answer = resolve)], {
      http: { maxAttempts: 1, requestTimeout: 10 },
      clock: {
        now: () => now,
        async sleep(seconds) {
          // The timer of the deadline rings 40 s late, and what came meanwhile is read after that.
          if (answered && seconds < 1) answer!(good());
          await turn();
          now += (seconds + (seconds === 10 ? 40 : 0)) * 1000;
        },
      },
    });
    if (answered) await send(broker, remove);
    else assert.equal((await failure<AwsError>(send(broker, remove))).awsCode, "Timeout");
  }
});

Deno.test("send() gives no request more time where the clock is set back", async () => {
  let set = 0;
  const sqs = memorySqs();
  const { clock } = sqs;
  const queueUrl = sqs.createQueue("q");
  sqs.setFaults(({ action }) => action === "ReceiveMessage" ? { type: "slow", seconds: Infinity } : undefined);
  const broker = connect({
    ...sqs.connectOptions,
    clock: wrongClock(clock, () => set),
  });
  const began = +clock.now();
  await clock.run(async () => {
    const hung = failure<AwsError>(send(broker, receiveMessage({ queueUrl, waitTimeSeconds: 20 }), { maxAttempts: 1 }));
    await clock.sleep(5);
    set = -7_200_000;
    // Another request of the same broker has all deadlines looked at anew.
    await send(broker, sendMessage({ queueUrl, messageBody: "x" }));
    assert.equal((await hung).awsCode, "Timeout");
  });
  assert.ok(+clock.now() - began <= 40_000, `${+clock.now() - began} ms`);
});

Deno.test("send() tries again after a deadline", async () => {
  const { broker, clock, requests } = setUp([() => new Promise(() => {}), good()]);
  const sent = send(broker, remove);
  await turn();
  clock.strike();
  await sent;
  assert.equal(requests.length, 2);
  assert.equal(clock.waits.length, 1);
});
