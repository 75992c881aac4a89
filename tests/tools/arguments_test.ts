import assert from "node:assert/strict";
import { deno } from "../../tools/run.ts";

/** Runs a tool to its end. */
function tool(file: string, ...args: string[]) {
  return deno(["run", "-A", "--quiet", file, ...args], { keep: true, env: { NO_COLOR: "1" } });
}

/** The tasks, and whether they read all of their command line: `deno test` reads what the others leave. */
const TASKS = {
  "ok": ["tools/ok.ts", true],
  "size": ["tools/size.ts", true],
  "test": ["tools/test.ts", false],
  "test:interop": ["tools/interop.ts", false],
  "test:ledger": ["tests/ledger/run.ts", true],
  "test:runtimes": ["tests/runtimes/run.ts", true],
} as const;

for (const [task, [file, strict]] of Object.entries(TASKS)) {
  Deno.test(`deno task ${task} --help says how it is called, and does nothing else`, async () => {
    const { code, output } = await tool(file, "--help");
    assert.equal(code, 0, output);
    assert.match(output, new RegExp(`Usage: deno task ${task}\\b`));
    assert.ok(output.length < 600, output);
  });
  if (!strict) continue;
  Deno.test(`deno task ${task} refuses an option that it does not know`, async () => {
    const { code, output } = await tool(file, "--hlep");
    assert.equal(code, 2, output);
    assert.match(output, /Unknown option '--hlep'\n\nUsage: /);
  });
}

Deno.test("a number that a tool can't read in the environment is refused by name", async () => {
  const env = { NO_COLOR: "1", LEDGER_SECONDS: "a minute" };
  const { code, output } = await deno(["run", "-A", "tests/ledger/run.ts"], { keep: true, env });
  assert.equal(code, 2, output);
  assert.match(output, /LEDGER_SECONDS must be a number from 0 on: it is 'a minute'/);
});

Deno.test("a --filter that no test fits fails, in deno task test and in deno task test:runtimes", async () => {
  const runs = [
    tool("tools/test.ts", "tests/builtin_test.ts", "--filter", "no such test"),
    tool("tests/runtimes/run.ts", "deno", "--filter", "no such check"),
  ];
  const [tests, runtimes] = await Promise.all(runs);
  assert.deepEqual([tests.code, runtimes.code], [1, 1], tests.output + runtimes.output);
  assert.match(tests.output, /No test has a name that fits --filter/);
  assert.match(runtimes.output, /No check has a name that holds 'no such check'/);
});
