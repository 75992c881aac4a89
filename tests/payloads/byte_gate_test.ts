import assert from "node:assert/strict";
import { ConfigError } from "@dashi/sqs";
import { byteGate } from "@dashi/sqs/payloads";

Deno.test("byteGate() lets in who asks first, and what is larger than the bound alone", async () => {
  const gate = byteGate(10);
  const entered: string[] = [];
  const enter = (name: string, bytes: number) => gate.enter(bytes).then((leave) => (entered.push(name), leave));
  const first = await enter("first", 4);
  const huge = enter("huge", 11);
  const small = enter("small", 1);
  assert.deepEqual(entered, ["first"]);
  first();
  const leave = await huge;
  assert.deepEqual(entered, ["first", "huge"]);
  leave();
  await small;
  assert.deepEqual(entered, ["first", "huge", "small"]);
});

Deno.test("byteGate() refuses a bound that bounds nothing", () => {
  for (const most of [0, -1, NaN, "10" as unknown as number]) {
    assert.throws(() => byteGate(most), (error) => error instanceof ConfigError && /'most'/.test(error.message));
  }
  assert.ok(byteGate(Infinity));
});
