/**
 * A real SQS server for tests: fauxqs, in this process, on a free port.
 *
 * @module
 */
import { buildApp } from "fauxqs";

/** A server that runs. */
export interface TestServer extends AsyncDisposable {
  /** Where it is, such as `http://127.0.0.1:49152`. */
  readonly endpoint: string;
  /** What `connect()` needs to reach it. */
  readonly options: {
    readonly region: string;
    readonly endpoint: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Makes a bucket of S3, which this library never does. */
  createBucket(name: string): Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}

/**
 * Starts a server of SQS, SNS and S3.
 *
 * @example
 * ```ts ignore
 * await using server = await startServer();
 * const broker = connect(server.options);
 * ```
 */
export async function startServer(): Promise<TestServer> {
  // Its own start function listens on every network interface.
  const app = buildApp({ logger: false, host: "localhost" });
  const endpoint = await app.listen({ port: 0, host: "127.0.0.1" });
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= Promise.resolve(app.close());
  return {
    endpoint,
    options: {
      region: "us-east-1",
      endpoint,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "fauxqs-secret" },
    },
    async createBucket(name) {
      const response = await fetch(`${endpoint}/${name}`, { method: "PUT" });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`The bucket '${name}' was refused with ${response.status}`);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
