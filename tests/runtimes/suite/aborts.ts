import { equal, ok, rejects, setUp, type Suite } from "./support.ts";

/** Signals, deadlines and endings. */
export const aborts: Suite = {
  "a signal ends a request under way": async ({ library: { requests, sqs }, connectOptions }) => {
    const broker = sqs.connect({ ...connectOptions, http: { fetch: () => new Promise<Response>(() => {}) } });
    const controller = new AbortController();
    const listing = sqs.send(broker, requests.listQueues(), { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("never mind")), 10);
    await rejects(() => listing, "Error", /never mind/);
    await rejects(() => sqs.publish(broker, "a", { queue: "b", signal: AbortSignal.abort() }), "AbortError");
  },

  "a server that never answers meets the deadline": async ({ library: { requests, sqs }, connectOptions }) => {
    const broker = sqs.connect({
      ...connectOptions,
      http: { fetch: () => new Promise<Response>(() => {}), requestTimeout: 0.05, maxAttempts: 1 },
    });
    const error = await rejects(() => sqs.send(broker, requests.listQueues()), "AwsError", /0\.05 s/);
    equal((error as { awsCode?: string }).awsCode, "Timeout");
  },

  "a signal ends a long poll quietly": async (context) => {
    const { consume } = context.library.sqs;
    const controller = new AbortController();
    const { broker, queue } = await setUp(context);
    const deliveries = consume(broker, queue, { signal: controller.signal, waitTimeSeconds: 2, graceSeconds: 0 });
    setTimeout(() => controller.abort(), 100);
    for await (const delivery of deliveries) throw new Error(`there is a message: ${delivery.messageId}`);
    await deliveries.closed;
  },

  "stop() waits until nothing is left": async (context) => {
    const { consume, publish, queueSize } = context.library.sqs;
    const { broker, queue } = await setUp(context);
    await publish(broker, "a", { queue });
    const deliveries = consume(broker, queue, { prefetch: 1, graceSeconds: 0.1 });
    for await (const delivery of deliveries) {
      const stopped = deliveries.stop();
      await stopped;
      ok(delivery.signal.aborted, "the message is still out");
    }
    equal((await queueSize(broker, queue)).visible, 1);
  },

  "a request that fails on its way is tried again": async (context) => {
    const { publish } = context.library.sqs;
    let failures = 0;
    const { broker, queue } = await setUp(context, {
      http: {
        fetch: (request) =>
          /SendMessage$/.test(request.headers.get("x-amz-target") ?? "") && failures++ < 1
            ? Promise.reject(new TypeError("fetch failed"))
            : fetch(request),
      },
    });
    await publish(broker, "a", { queue });
    equal(failures, 2);
  },
};
