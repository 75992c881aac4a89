/**
 * A Worker whose invocations share one broker, keys that are assumed included.
 */
import { type Broker, connect, consume, forEach, publish, publishMany } from "@dashi/sqs";
import { assumeRole } from "@dashi/sqs/credentials";

interface Env {
  ENDPOINT: string;
}

let broker: Broker | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    broker ??= connect({
      region: "us-east-1",
      endpoint: env.ENDPOINT,
      waitTimeSeconds: 1,
      credentials: assumeRole({
        arn: "arn:aws:iam::123456789012:role/cook",
        credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret-of-the-tests" },
      }),
    });
    const { pathname, searchParams } = new URL(request.url);
    const queue = searchParams.get("queue")!;
    if (pathname === "/publish") return Response.json(await publish(broker, "a", { queue }));
    if (pathname === "/fill") {
      const messages = Array.from({ length: 40 }, (_, body) => ({ body, queue: `${queue}-${body % 8}` }));
      return Response.json((await publishMany(broker, messages)).filter(({ error }) => error).length);
    }
    const names = Array.from({ length: 8 }, (_, index) => `${queue}-${index}`);
    const deliveries = consume(broker, names, { prefetch: 100, untilEmpty: true });
    const counts = await forEach(deliveries, () => {}, { concurrency: 40 });
    await deliveries.closed;
    return Response.json(counts);
  },
};
