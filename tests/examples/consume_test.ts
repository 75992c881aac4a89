/**
 * Runs each example of consuming as a reader would, and looks at all that it prints.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runExample } from "./run_example.ts";

const PRINTED: Readonly<Record<string, RegExp>> = {
  "10_consume": /^one is undecodable, it stays in the queue\n5 orders, the sum of their ids is 15\n$/,
  "11_priorities": /^strict: urgent, then normal\nweighted: bulk goes about three times as often\n$/,
  "12_for_each_fifo": /^anna: open, deposit, close\nben: open, deposit, close\n6 acked\n$/,
  "13_transform_stream": /^(10 readings go into the database as one\n){2}5 readings go into the database as one\n$/,
  "14_opentelemetry": new RegExp(
    "^spans: send orders -> process orders\none trace: true\nits parent is the sender: true\n" +
      "sqs.requests: [67]\nmessaging.client.consumed.messages: 1\nmessaging.process.duration: 1\n$",
  ),
  "15_health_check": new RegExp(
    "^idle: 200, the last receive was answered 10 s ago\n" +
      "at work for five minutes: 200, the last receive was answered 290 s ago\n" +
      "SQS is out of reach for five minutes: 503, the last receive was answered 290 s ago\n" +
      "it is back: 200, the last receive was answered \\d+ s ago\n$",
  ),
};

for (const [name, printed] of Object.entries(PRINTED)) {
  Deno.test(`examples/${name}.ts does what it says`, async () => {
    const { code, out, err } = await runExample(name);
    assert.equal(code, 0, err);
    assert.match(out, printed);
  });
}
