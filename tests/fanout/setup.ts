/**
 * What the tests of fanout share: a broker at fauxqs, its queues, and a look at what happened.
 *
 * @module
 */
import { connect } from "../../lib/connect.ts";
import { snsFanout, type SnsFanoutOptions } from "../../lib/fanout/mod.ts";
import { send } from "../../lib/http/send.ts";
import type { SnsSubscription } from "../../lib/sns/list_subscriptions_by_topic.ts";
import { queueSubscriptions } from "../../lib/fanout/queue_subscriptions.ts";
import { createQueue } from "../../lib/sqs/create_queue.ts";
import { getQueueAttributes } from "../../lib/sqs/get_queue_attributes.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { setQueueAttributes } from "../../lib/sqs/set_queue_attributes.ts";
import { queueAddress } from "../../lib/topology/queue_address.ts";
import type { Broker, Clock, ConnectOptions, DashiEvent, Fanout, QueueAddress, SqsMessage } from "../../lib/types.ts";
import { startServer } from "../support/fauxqs.ts";

/** Short waits are over at once; the deadlines of requests are real and are cleared. */
const hasty: Clock = {
  now: () => Date.now(),
  sleep: (seconds, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds < 8 ? 0 : seconds * 1000);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

/** A broker with fanout, and the actions that its requests had. */
export interface Setting extends AsyncDisposable {
  readonly broker: Broker;
  readonly fanout: Fanout;
  readonly actions: string[];
  readonly events: DashiEvent[];
  readonly connectOptions: ConnectOptions;
  queue(name: string, policy?: string): Promise<QueueAddress>;
  policy(queue: QueueAddress): Promise<string | undefined>;
  receive(queue: QueueAddress): Promise<SqsMessage[]>;
  subscriptions(arn: string): Promise<SnsSubscription[]>;
}

/** Called for each request before it goes to the server: what it gives is the answer instead. */
export type Intercept = (
  form: URLSearchParams,
  action: string,
  request: Request,
) => Promise<Response | void> | Response | void;

export async function setUp(
  options: SnsFanoutOptions & { intercept?: Intercept; connect?: ConnectOptions } = {},
): Promise<Setting> {
  const { intercept, connect: more, ...fanoutOptions } = options;
  const server = await startServer();
  const actions: string[] = [];
  const events: DashiEvent[] = [];
  const fanout = snsFanout(fanoutOptions);
  const connectOptions: ConnectOptions = {
    ...server.options,
    clock: hasty,
    fanout,
    onEvent: (event) => events.push(event),
    http: {
      async fetch(request) {
        const form = new URLSearchParams(await request.clone().text());
        const action = form.get("Action") ?? request.headers.get("x-amz-target")!.split(".")[1];
        actions.push(action);
        return await intercept?.(form, action, request) ?? await fetch(request);
      },
    },
    ...more,
  };
  const broker = connect(connectOptions);
  return {
    broker,
    fanout,
    actions,
    events,
    connectOptions,
    async queue(name, policy) {
      const attributes = name.endsWith(".fifo") ? { FifoQueue: true } : {};
      const { queueUrl } = await send(broker, createQueue({ queueName: name, attributes }));
      if (policy !== undefined) await send(broker, setQueueAttributes({ queueUrl, attributes: { Policy: policy } }));
      return queueAddress(name, queueUrl);
    },
    async policy({ url }) {
      const { attributes } = await send(broker, getQueueAttributes({ queueUrl: url, attributeNames: ["Policy"] }));
      return attributes.Policy;
    },
    async receive({ url }) {
      const request = receiveMessage({ queueUrl: url, systemAttributes: ["All"], messageAttributes: ["All"] });
      return [...(await send(broker, request)).messages];
    },
    async subscriptions(arn) {
      return await Array.fromAsync(queueSubscriptions(broker, { arn }));
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
