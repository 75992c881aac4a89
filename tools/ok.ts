/**
 * `deno task ok`: everything that must hold before a commit. Each step shows what it printed only where it failed; all
 * are run, and the first failure does not hide the next.
 *
 * @module
 */
import process from "node:process";
import config from "../deno.json" with { type: "json" };
import { readArguments } from "./arguments.ts";
import { deno } from "./run.ts";

readArguments(
  `Usage: deno task ok

Checks everything that must hold before a commit: format, lint, types, docs, imports, the package, and the tests.`,
  {},
);

const entries = Object.values(config.exports);
const steps: Record<string, readonly string[]> = {
  "format": ["fmt", "--check"],
  "lint": ["lint"],
  // What bench/ compares with has packages of its own: its task checks it.
  "types": ["check", "mod.ts", "lib", "tests", "examples", "tools"],
  "docs of every export": ["doc", "--lint", ...entries],
  "directions of imports": ["run", "--allow-read", "tools/check_imports.ts"],
  "package": ["publish", "--dry-run", "--allow-dirty"],
  "tests": ["run", "-A", "tools/test.ts"],
};

const failed: string[] = [];
for (const [name, args] of Object.entries(steps)) {
  const began = performance.now();
  const shown = name === "tests";
  const { code, output } = await deno(args, { keep: !shown });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"}  ${name} (${seconds} s)`);
  if (code === 0) continue;
  failed.push(name);
  if (!shown) console.log(output.replace(/^/gm, "        "));
}
if (failed.length) {
  console.error(`Not ok: ${failed.join(", ")}`);
  process.exit(1);
}
