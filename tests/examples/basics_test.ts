/**
 * Runs each example as a reader would, and looks at all that it prints.
 *
 * @module
 */
import assert from "node:assert/strict";
import { runExample } from "./run_example.ts";

const PRINTED: Readonly<Record<string, string>> = {
  "01_publish_and_consume": `
{ id: 1, item: "kelp" } is the message that was sent`,
  "02_publish_many": `
ConfigError: Cannot publish 1864532 bytes to 'orders', which takes 1048576 bytes with attributes: set 'payloads' in connect(), as s3Payloads() is
1000 sent in 100 requests, 1000 in the queue`,
  "03_delay_expiration_attributes": `
after 0 s: at once { source: "shop" } { tenant: "kelp", priority: 7 }
dropped, as it was expired
after 900 s: later {} {}`,
  "04_predefined_queues_and_roles": `
SendMessage signed by AKIDEXAMPLE
GetQueueAttributes signed by AKIDEXAMPLE
ReceiveMessage signed by AKIDEXAMPLE
DeleteMessageBatch signed by AKIDEXAMPLE
AssumeRole signed by AKIDEXAMPLE
SendMessage signed by ASIAEXAMPLE
GetQueueAttributes signed by ASIAEXAMPLE
ReceiveMessage signed by ASIAEXAMPLE
DeleteMessageBatch signed by ASIAEXAMPLE
UndefinedQueueError: Cannot use the queue "others" as it is not in 'predefinedQueues': known are orders, invoices`,
  "05_dead_letter_and_backoff": `
receive 1 after 0 s
receive 2 after 10 s
receive 3 after 30 s
{ acked: 0, released: 3, rejected: 0 }
dead letters: 1
brought back: 1`,
  "06_exchanges_and_topics": `
eu.sport → sport, archive
eu → archive
us.sport.swimming → sport
us.weather → lost
another process: [ "sport", "archive" ]
in the archive: 2`,
  "07_fanout": `
sent to arn:aws:sns:us-east-1:000000000000:news
mail got { title: "Dashi" } en
search got { title: "Dashi" } en`,
  "08_large_payloads": `
store orders/letters/1 889240
stored in letters
store orders/letters/2 18
read orders/letters/1 889240
read 889240 bytes
remove orders/letters/1
read orders/letters/2 18
read 18 bytes
remove orders/letters/2`,
  "09_from_celery": `
https://sqs.us-east-1.amazonaws.com/000000000000/prod-shop-orders
{ id: 1 } { VisibilityTimeout: "3600", KmsMasterKeyId: "alias/aws/sqs" }
Cannot use 'transportOptions.visibility_timout' as there is no such option: the nearest is 'visibility_timeout'`,
  "16_fair_queues": `
FIFO without a group: default
standard with, in kombu's words: customer-123
standard with: customer-123
standard without: no group`,
};

/** Those whose events come when they come: an acked payload is removed while the next one is read. */
const AS_IT_COMES: ReadonlySet<string> = new Set(["08_large_payloads"]);

for (const [name, printed] of Object.entries(PRINTED)) {
  Deno.test(`examples/${name}.ts prints what it says`, async () => {
    const { code, out, err } = await runExample(name);
    assert.equal(code, 0, err);
    const lines = (text: string) => text.replace(/ +$/gm, "").trim().split("\n");
    const order = AS_IT_COMES.has(name) ? (text: string) => lines(text).sort() : lines;
    assert.deepEqual(order(out), order(printed));
  });
}
