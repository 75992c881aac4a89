/**
 * `deno task test:runtimes`: one suite in every runtime, the Workers examples in workerd, and the npm package as its
 * users install it.
 *
 *     deno task test:runtimes                          everything
 *     deno task test:runtimes node workerd             some runtimes, `workers` or `package`
 *     deno task test:runtimes --filter heartbeat       some checks
 *
 * @module
 */
import process from "node:process";
import config from "../../deno.json" with { type: "json" };
import { readArguments } from "../../tools/arguments.ts";
import { startServer } from "../support/fauxqs.ts";
import { library } from "./library.ts";
import { bundleSuite, type Run, runners } from "./runners/runners.ts";
import type { SuiteResult } from "./suite.ts";

const known = [...Object.keys(runners), "workers", "package"];
const { values: { filter = "" }, positionals } = readArguments(
  `Usage: deno task test:runtimes [runtimes] [--filter TEXT]

Runs one suite in ${Object.keys(runners).join(", ")}, then the Workers examples ("workers") and the npm package
("package"); --filter takes the checks whose names hold the text.`,
  { filter: { type: "string" } },
  true,
);
const chosen = positionals.length ? positionals : known;
for (const name of chosen) {
  if (known.includes(name)) continue;
  console.error(`There is no '${name}': there are ${known.join(", ")}`);
  process.exit(2);
}

/** Milliseconds that the tests of Workers and of the package may take. */
const LIMIT = 600_000;
const entries = Object.keys(config.exports);
let failed = 0;
/** Checks that were run or skipped, in all runtimes. */
let checks = 0;
if (entries.length !== Object.keys(library).length) {
  console.error(`tests/runtimes/library.ts must import every entry point: ${entries.join(", ")}`);
  failed++;
}

const rows: string[][] = [["runtime", "ok", "skipped", "failed", "seconds"]];
await using server = await startServer();
const run: Run = { endpoint: server.endpoint, filter, files: await bundleSuite() };

for (const [name, runner] of Object.entries(runners)) {
  if (!chosen.includes(name)) continue;
  const began = Date.now();
  let results: SuiteResult[] | string;
  try {
    results = await runner(run);
  } catch (error) {
    results = [{ name: "the runtime runs", status: "failed", seconds: 0, reason: String(error) }];
  }
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  if (typeof results === "string") {
    rows.push([name, results, "", "", seconds]);
    continue;
  }
  const count = (status: string) => `${(results as SuiteResult[]).filter((result) => result.status === status).length}`;
  rows.push([name, count("ok"), count("skipped"), count("failed"), seconds]);
  for (const { name: check, status, reason } of results) {
    if (status !== "ok") console.log(`${name}: ${status}: ${check}: ${reason?.split("\n").slice(0, 6).join("\n")}`);
  }
  failed += Number(count("failed"));
  checks += results.length;
}

for (const name of ["workers", "package"]) {
  if (!chosen.includes(name)) continue;
  const began = Date.now();
  const file = `${import.meta.dirname}/${name}_test.ts`;
  const args = ["test", "-A", "--reporter=dot", ...filter ? ["--filter", filter] : [], file];
  const signal = AbortSignal.timeout(LIMIT);
  const child = await new Deno.Command(Deno.execPath(), { args, cwd: import.meta.dirname, stdin: "null", signal })
    .output();
  const text = new TextDecoder().decode(child.stdout);
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  const [, ok = "0", , bad = child.code ? "1" : "0"] = /(\d+) passed(?: \(.*?\))?( \| (\d+) failed)?/.exec(text) ?? [];
  rows.push([name, ok, "0", child.code ? bad : "0", seconds]);
  checks += Number(ok) + Number(bad);
  if (child.code) {
    console.log(text, new TextDecoder().decode(child.stderr));
    failed++;
  }
}

const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
if (filter && !checks) console.error(`No check has a name that holds '${filter}'`);
process.exitCode = failed || filter && !checks ? 1 : 0;
