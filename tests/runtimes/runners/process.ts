/**
 * Runs the suite where there is a command line: Deno, Node and Bun.
 *
 *     deno run -A tests/runtimes/runners/process.ts ENDPOINT NAME [FILTER]
 *
 * @module
 */
import { argv, inspect, print } from "./process_globals.ts";
import { library } from "../library.ts";
import { runSuite } from "../suite.ts";

const [endpoint, runtime, filter] = argv;
print(JSON.stringify(await runSuite({ library, endpoint, runtime, filter, inspect })));
