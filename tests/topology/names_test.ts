import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { canonicalName, connect, entityName } from "../../mod.ts";
import vectors from "../vectors/kombu_names.json" with { type: "json" };

Deno.test("entityName() translates names as kombu does", () => {
  for (const { name, entity } of vectors) assert.equal(entityName(name), entity, name);
});

Deno.test("canonicalName() translates prefix and name together, as kombu does", () => {
  for (const { prefix, name, canonical } of vectors) {
    assert.equal(canonicalName(connect({ queueNamePrefix: prefix }), name), canonical, `${prefix} + ${name}`);
  }
});

Deno.test("entityName() leaves a translated name as it is", () => {
  fc.assert(fc.property(fc.string(), (name) => assert.equal(entityName(entityName(name)), entityName(name))));
});

Deno.test("canonicalName() refuses what is no text", () => {
  for (const name of [undefined, null, 5] as unknown as string[]) {
    const broker = connect({ queueNamePrefix: "prod-" });
    assert.throws(() => canonicalName(broker, name), { name: "ConfigError", message: /'name'/ });
  }
});
