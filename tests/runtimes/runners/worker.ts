/**
 * Runs the suite in a Worker: a request's query names the server and the runtime.
 *
 * @module
 */
import { library } from "../library.ts";
import { runSuite } from "../suite.ts";

export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const results = await runSuite({
      library,
      endpoint: searchParams.get("endpoint")!,
      runtime: searchParams.get("runtime")!,
      filter: searchParams.get("filter") ?? "",
    });
    return Response.json(results);
  },
};
