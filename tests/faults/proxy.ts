/**
 * A proxy that stands between a client and a server over real sockets, and breaks what it carries.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request on its way through. */
export interface ProxyCall {
  /** The API action, or the HTTP method where no header and no form names one. */
  readonly action: string;
  readonly body: string;
  /** 0 is the first. */
  readonly index: number;
  /** Resolves when the client has the answer, or has left. */
  readonly over: Promise<void>;
}

/**
 * What goes wrong.
 *
 * - `refuse`: the connection is cut before the request is read by anyone.
 * - `reset`: the request is carried out, and the connection is cut before the answer.
 * - `silence`: headers come, and then nothing until the client leaves.
 * - `half`: half of the body comes, and then the connection is cut.
 * - `slow`: the answer comes so many seconds later.
 * - `status`: the proxy answers by itself.
 * - `carried-out-503`: the request is carried out, and the client is told 503.
 */
export type ProxyFault =
  | { readonly type: "refuse" | "reset" | "silence" | "half" | "carried-out-503" }
  | { readonly type: "slow"; readonly seconds: number }
  | { readonly type: "status"; readonly status: number; readonly body?: string };

/** What breaks a request, whatever it is, and what answers in its service's place. */
export const BREAKING: readonly ProxyFault[] = [
  { type: "refuse" },
  { type: "reset" },
  { type: "silence" },
  { type: "half" },
  { type: "carried-out-503" },
  { type: "status", status: 500 },
  { type: "status", status: 502, body: "<html>Bad Gateway</html>" },
  { type: "status", status: 503 },
  { type: "status", status: 429 },
  { type: "status", status: 400, body: '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}' },
];

/** Says what goes wrong with a request. */
export type ProxyPlan = (call: ProxyCall) => ProxyFault | undefined;

/** A proxy that runs. */
export interface Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Requests so far. */
  readonly calls: number;
  /** Faults that struck, by their type. */
  readonly struck: Readonly<Record<string, number>>;
  /** Connections that clients have open now, and the most there were. */
  readonly sockets: { readonly now: number; readonly most: number };
  setPlan(plan: ProxyPlan | undefined): void;
  /** Makes the proxy's clock so many seconds fast: it then refuses signatures, and says so with its `Date`. */
  setSkew(seconds: number): void;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

/** Starts a proxy on a free port of this machine. */
export async function startProxy(target: string, plan?: ProxyPlan): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const timers = new Map<ReturnType<typeof setTimeout>, () => void>();
  const struck: Record<string, number> = {};
  let most = 0;
  let calls = 0;
  let skew = 0;

  const carryOut = (incoming: IncomingMessage, body: Buffer) =>
    new Promise<Answer>((resolve, reject) => {
      const { connection: _connection, ...headers } = incoming.headers;
      // No pooled socket that the server may have closed: this end must not fail by itself.
      const options = { hostname, port, method: incoming.method, path: incoming.url, headers, agent: false };
      const outgoing = forward(options, async (answer) => {
        const { statusCode: status = 500, headers } = answer;
        resolve({ status, headers, body: await read(answer) });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });

  const wait = (seconds: number) =>
    new Promise<void>((resolve) => {
      const done = () => {
        timers.delete(timer);
        resolve();
      };
      const timer = setTimeout(done, seconds * 1000);
      timers.set(timer, done);
    });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await read(incoming);
    const over = new Promise<void>((resolve) => outgoing.on("close", resolve));
    const fault = plan?.({ action: actionOf(incoming, body), body: body.toString(), index: calls++, over });
    if (fault) struck[fault.type] = (struck[fault.type] ?? 0) + 1;
    if (fault?.type === "refuse") return void incoming.socket.destroy();
    const late = skewed(incoming, skew);
    if (late) {
      struck.skew = (struck.skew ?? 0) + 1;
      outgoing.writeHead(403, { date: new Date(Date.now() + skew * 1000).toUTCString() });
      return void outgoing.end(late);
    }
    if (fault?.type === "status") {
      outgoing.writeHead(fault.status);
      return void outgoing.end(fault.body ?? "");
    }
    const answer = await carryOut(incoming, body);
    if (fault?.type === "slow") await wait(fault.seconds);
    if (fault?.type === "reset") return void incoming.socket.destroy();
    if (fault?.type === "carried-out-503") {
      outgoing.writeHead(503);
      return void outgoing.end();
    }
    outgoing.writeHead(answer.status, answer.headers as Record<string, string>);
    if (fault?.type === "silence") return outgoing.flushHeaders();
    if (fault?.type !== "half") return void outgoing.end(answer.body);
    outgoing.write(answer.body.subarray(0, answer.body.length >> 1), () => incoming.socket.destroy());
  }

  const server = createServer((incoming, outgoing) => {
    serve(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 1000;
  server.on("connection", (socket) => {
    sockets.add(socket);
    most = Math.max(most, sockets.size);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    struck,
    get sockets() {
      return { now: sockets.size, most };
    },
    setPlan: (next) => void (plan = next),
    setSkew: (seconds) => void (skew = seconds),
    async [Symbol.asyncDispose]() {
      for (const [timer, done] of timers) {
        clearTimeout(timer);
        done();
      }
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function actionOf({ headers, method }: IncomingMessage, body: Buffer): string {
  const target = headers["x-amz-target"];
  if (typeof target === "string") return target.split(".")[1];
  return /(?:^|&)Action=(\w+)/.exec(body.toString("latin1", 0, 2000))?.[1] ?? method ?? "";
}

/** AWS's answer to a signature that is more than five minutes off its clock. */
function skewed({ headers }: IncomingMessage, skew: number): string | undefined {
  const stamp = headers["x-amz-date"];
  if (!skew || typeof stamp !== "string") return undefined;
  const signed = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Math.abs(Date.now() + skew * 1000 - signed) < 300_000) return undefined;
  const message = skew > 0 ? "Signature expired: it is too old" : "Signature not yet current: it is too new";
  return JSON.stringify({ __type: "com.amazon.coral.service#InvalidSignatureException", message });
}
