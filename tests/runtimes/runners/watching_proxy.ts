/**
 * Stands in front of a server, counts requests and connections, and holds back what a test says.
 *
 * @module
 */

/** A proxy that runs. */
export interface WatchingProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** The actions that were asked for, in order. */
  readonly actions: string[];
  /** How many of an action were under way at a time, at the most. */
  readonly most: Readonly<Record<string, number>>;
  /** The actions that were under way when there were the most of them. */
  readonly crowd: readonly string[];
}

/** What STS answers; the server has none that expires. */
const ASSUMED = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>another-secret</SecretAccessKey>
<SessionToken>a-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`;

/**
 * Starts it, on a free port.
 *
 * @param server The server's endpoint.
 * @param before Is awaited before an action is passed on.
 */
export function watchingProxy(
  server: string,
  before: (action: string) => Promise<void> | void = () => {},
): WatchingProxy {
  const actions: string[] = [];
  const underway: string[] = [];
  const most: Record<string, number> = {};
  let crowd: readonly string[] = [];
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.arrayBuffer();
    const target = request.headers.get("x-amz-target")?.split(".")[1];
    const action = target ?? new URLSearchParams(new TextDecoder().decode(body)).get("Action") ?? request.method;
    actions.push(action);
    underway.push(action);
    if (underway.length > crowd.length) crowd = [...underway];
    most[action] = Math.max(most[action] ?? 0, underway.filter((other) => other === action).length);
    try {
      await before(action);
      if (action === "AssumeRole") return new Response(ASSUMED);
      const { pathname, search } = new URL(request.url);
      const headers = new Headers(request.headers);
      for (const name of ["host", "accept-encoding"]) headers.delete(name);
      const response = await fetch(server + pathname + search, { method: request.method, headers, body });
      return new Response(await response.arrayBuffer(), response);
    } finally {
      underway.splice(underway.indexOf(action), 1);
    }
  });
  return {
    endpoint: `http://127.0.0.1:${proxy.addr.port}`,
    actions,
    most,
    get crowd() {
      return crowd;
    },
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}
