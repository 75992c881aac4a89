/** The floor: `fetch` without a signature, `JSON.parse`, batched deletes; bodies stay as they are. */
import { runJsonLoop } from "./json_loop.ts";

await runJsonLoop(fetch);
