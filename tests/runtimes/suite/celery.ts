import { equal, ok, setUp, type Suite } from "./support.ts";

/** Tasks, called and read. */
export const celery: Suite = {
  "a call is a message that Celery reads": async (context) => {
    const { library: { celery, sqs } } = context;
    const { broker, queue } = await setUp(context);
    const add = celery.task<[x: number, y: number], number>("app.add");
    const call = await celery.sendTask(broker, add(2, 3), { queue });
    ok(/^[0-9a-f-]{36}$/.test(call.id), call.id);
    const delivery = await sqs.get(broker, queue);
    equal(delivery?.headers.task, "app.add");
    equal(delivery?.headers.id, call.id);
    equal((delivery?.body as unknown[])[0], [2, 3]);
    await delivery?.ack();
  },

  "a task that was called is served": async (context) => {
    const { library: { celery } } = context;
    const { broker, queue } = await setUp(context);
    const add = celery.task<[x: number, y: number], number>("app.add");
    let served: (sum: number) => void = () => {};
    const sum = new Promise<number>((resolve) => served = resolve);
    const worker = celery.serveTasks(broker, {
      "app.add": (_task: unknown, x: number, y: number) => {
        served(x + y);
        return x + y;
      },
    }, { queues: [queue] });
    await celery.sendTask(broker, add(2, 3), { queue });
    equal(await sum, 5);
    await worker.stop();
  },
};
