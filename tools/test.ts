/**
 * `deno task test`: the unit tests, and the examples of every docstring and Markdown page. Paths narrow it, and
 * everything else is for `deno test`: `deno task test tests/codec --filter base64`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { root, runTests } from "./run.ts";

const all = ["mod.ts", "lib", "tests", "README.md", "docs"].filter((path) => existsSync(resolve(root, path)));
const given = process.argv.slice(2);
const narrowed = given.some((argument) => existsSync(resolve(root, argument)));
// These have tasks of their own: they need Python and other runtimes.
const elsewhere = "--ignore=tests/interop,tests/runtimes";

process.exit(await runTests(["--doc", "--parallel", ...narrowed ? [] : [elsewhere, ...all], ...given]));
