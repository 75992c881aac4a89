/**
 * What stands in front of the server for a browser: it answers as AWS does, which lets other origins in.
 *
 * @module
 */

/** A proxy that runs. */
export interface CorsProxy extends AsyncDisposable {
  /** The server, for pages of other origins. */
  readonly endpoint: string;
  /** The page that holds the suite, on an origin of its own. */
  readonly page: string;
}

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "*",
  "access-control-allow-headers": "*, authorization",
  // What AWS's services show of an answer, and the ETag that a bucket must be told to.
  "access-control-expose-headers": "x-amzn-requestid, x-amzn-errortype, x-amzn-errormessage, date, etag",
  "access-control-max-age": "600",
};

/**
 * Starts it, on free ports.
 *
 * @param server The server's endpoint.
 * @param script The file of the page's script.
 */
export function corsProxy(server: string, script: string): CorsProxy {
  const options = { hostname: "127.0.0.1", port: 0, onListen() {} };
  const proxy = Deno.serve(options, async (request) => {
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of ["host", "origin", "accept-encoding"]) headers.delete(name);
    const { method } = request;
    const body = method === "GET" || method === "HEAD" ? undefined : await request.arrayBuffer();
    const response = await fetch(server + pathname + search, { method, headers, body });
    const answered = new Headers(response.headers);
    for (const [name, value] of Object.entries(CORS)) answered.set(name, value);
    return new Response(response.body, { status: response.status, headers: answered });
  });
  const pages = Deno.serve(
    options,
    ({ url }) =>
      url.endsWith(".mjs")
        ? new Response(Deno.readTextFileSync(script), { headers: { "content-type": "text/javascript" } })
        : new Response(`<!doctype html><script type="module" src="/suite.mjs"></script>`, {
          headers: { "content-type": "text/html" },
        }),
  );
  return {
    endpoint: `http://127.0.0.1:${proxy.addr.port}`,
    page: `http://127.0.0.1:${pages.addr.port}/`,
    async [Symbol.asyncDispose]() {
      await Promise.all([proxy.shutdown(), pages.shutdown()]);
    },
  };
}
