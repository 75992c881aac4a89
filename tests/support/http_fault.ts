/**
 * A `fetch` that fails when a test says so, before any server.
 *
 * @module
 */
import type { Clock, Fetch } from "../../lib/types.ts";

/** A request that is on its way. */
export interface HttpCall {
  /** A copy: its body may be read. */
  readonly request: Request;
  /** The API action, where X-Amz-Target names one. */
  readonly action?: string;
  /** Which request it is, of all: 1 is the first. */
  readonly sequence: number;
  /** Which request of this action it is: 1 is the first. */
  readonly attempt: number;
}

/**
 * What goes wrong.
 *
 * - `network`: it never arrives.
 * - `status`: something on the way answers with it, and it never arrives. A body of JSON may come with it.
 * - `slow`: it arrives, and its answer comes so many seconds later on the clock (`Infinity`: never).
 * - `html`: a proxy answers. Default status: 502.
 * - `truncated`: it arrives, and the connection breaks in the middle of the answer's body.
 * - `cut`: it arrives, and the first half of the answer's body comes as if it were all.
 * - `lost-answer`: it arrives, and the connection breaks before the answer.
 */
export type HttpFault =
  | { readonly type: "network" }
  | {
    readonly type: "status";
    readonly status: number;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }
  | { readonly type: "slow"; readonly seconds: number }
  | { readonly type: "html"; readonly status?: number }
  | { readonly type: "truncated" }
  | { readonly type: "cut" }
  | { readonly type: "lost-answer" };

/** The kinds of which no request arrives. */
const STOPPED: readonly string[] = ["network", "status", "html"];

/**
 * Wraps a `fetch` in faults.
 *
 * @param inner What answers the requests that arrive.
 * @param plan What goes wrong with each: a function of the call, or a list, one for each request in turn.
 * @param clock What `slow` waits on.
 *
 * @example
 * ```ts ignore
 * const fetch = faultFetch(sqs.fetch, [{ type: "network" }, undefined, { type: "status", status: 503 }]);
 * const broker = connect({ ...sqs.connectOptions, http: { fetch } });
 * ```
 */
export function faultFetch(
  inner: Fetch,
  plan: ((call: HttpCall) => HttpFault | undefined) | readonly (HttpFault | undefined)[],
  clock?: Clock,
): Fetch {
  const attempts = new Map<string | undefined, number>();
  let sequence = 0;
  return async (input, init) => {
    const request = new Request(input, init);
    const action = request.headers.get("x-amz-target")?.split(".")[1];
    const attempt = (attempts.get(action) ?? 0) + 1;
    attempts.set(action, attempt);
    const call: HttpCall = { request: request.clone(), action, sequence: ++sequence, attempt };
    const fault = typeof plan === "function" ? plan(call) : plan[sequence - 1];
    await call.request.body?.cancel().catch(() => {});
    request.signal.throwIfAborted();
    if (fault && STOPPED.includes(fault.type)) {
      // memorySqs() holds its clock while a request is being signed: it must learn that this one never comes.
      await inner(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
    }
    if (fault?.type === "network") throw new TypeError("fetch failed: the connection was refused");
    if (fault?.type === "status") return new Response(fault.body ?? "", fault);
    if (fault?.type === "html") {
      const headers = { "content-type": "text/html" };
      return new Response("<html><h1>Bad Gateway</h1></html>", { status: fault.status ?? 502, headers });
    }
    return await spoil(fault, await inner(request), request.signal, clock);
  };
}

async function spoil(
  fault: HttpFault | undefined,
  response: Response,
  signal: AbortSignal,
  clock: Clock | undefined,
): Promise<Response> {
  const { status, headers } = response;
  switch (fault?.type) {
    case "slow":
      if (!clock) throw new Error("A slow answer needs a clock to wait on");
      await clock.sleep(fault.seconds, signal);
      signal.throwIfAborted();
      return response;
    case "lost-answer":
      await response.body?.cancel();
      throw new TypeError("fetch failed: the connection was reset");
    case "cut": {
      const body = await response.text();
      return new Response(body.slice(0, body.length >> 1), { status, headers: withoutLength(headers) });
    }
    case "truncated": {
      const bytes = new Uint8Array(await response.arrayBuffer());
      const half = new ReadableStream({
        start(controller) {
          controller.enqueue(bytes.subarray(0, bytes.length >> 1));
          controller.error(new TypeError("the connection was reset"));
        },
      });
      return new Response(half, { status, headers: withoutLength(headers) });
    }
  }
  return response;
}

function withoutLength(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete("content-length");
  return kept;
}
