/**
 * Runs each example of Celery's tasks as a reader would, and looks at all that it prints.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runExample } from "./run_example.ts";

const PRINTED: Readonly<Record<string, string>> = {
  "20_call_celery_task": `
price: 24
chain: 39.6 to ops
group: [ 12, 48 ]
failed: ValueError no tea today
errback: true`,
  "21_serve_celery_tasks": `
succeeded images.resize
retried images.fetch
retried images.fetch
succeeded images.fetch
soup.png is 640 wide
21`,
  "22_move_one_task": `
after a minute: {
  "reports in Python": 3,
  "reports in TypeScript": 5,
  "mails in Python": 1
}
after an hour: {
  "reports in Python": 4,
  "reports in TypeScript": 5,
  "mails in Python": 1
}
left: { visible: 0, inFlight: 0, delayed: 0 } { visible: 0, inFlight: 0, delayed: 0 }`,
  "workers/celery_status/run": `
202 string PENDING
202 string PENDING
SUCCESS { receipt: "R-1" }
FAILURE RangeError`,
};

/** Tasks run side by side: which ends first is no matter. */
const lines = (text: string): string[] => text.trim().split("\n").map((line) => line.trimEnd()).sort();

for (const [name, printed] of Object.entries(PRINTED)) {
  Deno.test(`examples/${name}.ts prints what it says`, async () => {
    const { code, out, err } = await runExample(name);
    assert.equal(code, 0, err);
    assert.deepEqual(lines(out), lines(printed));
  });
}
