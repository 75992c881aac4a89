import { memorySqs } from "../../lib/testing/mod.ts";
import { connect, type ConnectOptions } from "../../mod.ts";

/** A model of SQS with some queues, and a broker at it. */
export function setUp(options: ConnectOptions = {}, queues: readonly string[] = []) {
  const sqs = memorySqs();
  for (const name of queues) sqs.createQueue(name);
  return { sqs, broker: connect({ ...sqs.connectOptions, ...options }) };
}
