/**
 * `deno task test`: the unit tests, and the examples of every docstring and Markdown page. Paths narrow it, and
 * everything else is for `deno test`: `deno task test tests/codec --filter base64`.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { helpOf } from "./arguments.ts";
import { root, runTests } from "./run.ts";

helpOf(`Usage: deno task test [paths] [options of deno test]

Runs the unit tests and the examples of the docs; paths narrow it: deno task test tests/codec --filter base64`);

/** Tests that have tasks of their own: they need Python and other runtimes. */
const elsewhere = ["interop", "runtimes"];
const tests = readdirSync(resolve(root, "tests")).filter((name) => !elsewhere.includes(name));
const all = ["mod.ts", "lib", "README.md", "docs", ...tests.map((name) => `tests/${name}`)];
const given = process.argv.slice(2);
const narrowed = given.some((argument) => existsSync(resolve(root, argument)));

/** They are off by default by now: what leaves a timer or a body behind would go unseen. */
const sanitizers = ["--sanitize-ops", "--sanitize-resources"];

process.exit(await runTests(["--doc", "--parallel", ...sanitizers, ...narrowed ? [] : all, ...given]));
