/**
 * docs/consume.md says what the code does: its defaults, its events and its figures are read from both.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect } from "../../lib/connect.ts";
import { consume } from "../../lib/consume/consume.ts";
import * as DEFAULTS from "../../lib/consume/defaults.ts";
import { forEach } from "../../lib/consume/for_each.ts";
import { memorySqs } from "../../lib/testing/mod.ts";

const page = await readFile(new URL("../../docs/consume.md", import.meta.url), "utf8");

/** The rows of the table under a heading. */
const rows = (heading: string) =>
  page.split(`## ${heading}\n`)[1].split("\n## ")[0].split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

Deno.test("docs/consume.md has the defaults of the code, all of them", () => {
  const { prefetch, polls, pollsInWorkers, ackLinger, grace, stalled, visibilityTimeout, concurrency } = DEFAULTS;
  const inOrder = [prefetch, polls, pollsInWorkers, ackLinger, grace, stalled, visibilityTimeout, concurrency];
  assert.deepEqual(rows("Defaults").map(([, value]) => Number(value)), inOrder);
  assert.equal(inOrder.length, Object.keys(DEFAULTS).length);
});

Deno.test("docs/consume.md names each event that lib/consume tells", async () => {
  const named = new Set(rows("Events").map(([name]) => name.replaceAll("`", "")));
  const told = new Set<string>();
  for await (const { name } of Deno.readDir(new URL("../../lib/consume/", import.meta.url))) {
    const source = await readFile(new URL(`../../lib/consume/${name}`, import.meta.url), "utf8");
    for (const [, type] of source.matchAll(/\{\s*type: "([\w-]+)"/g)) {
      assert.ok(named.has(type), type);
      told.add(type);
    }
  }
  assert.ok(told.size >= 8, `${told.size} are told by their names`);
});

/** The numbers that the page says, by a pattern of its words. */
const figures = (words: RegExp) =>
  words.exec(page.replace(/\s+/g, " "))!.slice(1).map((number) => Number(number.replace(",", "")));

function near(said: readonly number[], is: readonly number[]): void {
  const close = said.length === is.length && said.every((figure, at) => Math.abs(figure - is[at]) <= is[at] / 10);
  assert.ok(close, `the page says ${said.join(", ")}, it is ${is.join(", ")}`);
}

/** A queue in memory that has so many messages, where each request takes 20 ms. */
async function slowQueue(messages: number) {
  const sqs = memorySqs({ onRequest: () => ({ type: "slow", seconds: 0.02 }), keepRequests: 0 });
  sqs.createQueue("orders");
  for (let i = 0; i < messages; i++) await sqs.sendMessage("orders", "soup");
  return { clock: sqs.clock, broker: connect(sqs.connectOptions) };
}

Deno.test("docs/consume.md says what an await on each ack costs", async () => {
  const run = async (awaited: boolean) => {
    const { broker, clock } = await slowQueue(500);
    const began = +clock.now();
    await clock.run(async () => {
      for await (const delivery of consume(broker, "orders", { prefetch: 50, maxMessages: 500 })) {
        const acked = delivery.ack();
        if (awaited) await acked;
      }
    });
    return [broker.requests / 500, (+clock.now() - began) / 1000];
  };
  const said = figures(
    /500 messages take (\S+) requests each and (\S+) s that way.+ they take (\S+) requests each and half a second/,
  );
  near([...said, 0.5], [...await run(true), ...await run(false)]);
});

Deno.test("docs/consume.md says what few slots for a poll cost", async () => {
  const run = async (prefetch: number, polls: number) => {
    const { broker, clock } = await slowQueue(prefetch * 60);
    return await clock.run(async () => {
      const orders = consume(broker, "orders", { prefetch, polls, maxSeconds: 2 });
      return (await forEach(orders, () => {}, { concurrency: prefetch })).acked / 2;
    });
  };
  const said = figures(/ten slots let (\S+) messages a second through, 20 let (\S+), and 160 over eight polls (\S+)\./);
  near(said, [await run(10, 8), await run(20, 1), await run(160, 8)]);
});
