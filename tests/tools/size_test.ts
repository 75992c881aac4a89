import assert from "node:assert/strict";
import { complaints, LIMITS, measure, misquoted, type Size, type Target, TARGETS, weights } from "../../tools/size.ts";

/** A size as it would be measured, with this code in it. */
const sizeOf = (name: string, code: string, gzip = code.length): Size => ({
  name,
  code,
  gzip,
  minified: code.length,
  modules: [["lib/http/send.ts", 30], ["lib/http/sign.ts", 20], ["valibot", 40], ["lib/connect.ts", 1]],
});

Deno.test("complaints() has none for bundles within their limits", () => {
  const targets: Target[] = [{ name: "a", source: "", never: ["s3", "node"] }, { name: "b", source: "" }];
  const sizes = [sizeOf("a", 'import("node:crypto")', 10), sizeOf("b", "CompleteMultipartUpload", 1e6)];
  assert.deepEqual(complaints(targets, sizes, { a: 10 }), []);
});

Deno.test("complaints() names a bundle that has grown over its limit, and by how much", () => {
  assert.deepEqual(complaints([{ name: "a", source: "" }], [sizeOf("a", "", 13)], { a: 10 }), [
    "a has 13 bytes, 3 more than its limit",
  ]);
});

Deno.test("complaints() names what must not be in a bundle", () => {
  const never = ["xml", "s3", "sns", "sts", "sqs", "node"] as const;
  const code = 'processEntities CompleteMultipartUpload 2010-03-31 2011-06-15 AmazonSQS from"node:fs"';
  assert.deepEqual(
    complaints([{ name: "a", source: "", never }], [sizeOf("a", code)]).map((line) => /hold (\w+),/.exec(line)?.[1]),
    [...never],
  );
});

Deno.test("complaints() tells a marker that no longer marks anything", () => {
  const wrong = complaints([], [sizeOf("./s3", "uploads it otherwise now")]);
  assert.deepEqual(wrong, ["/CompleteMultipartUpload/ is no marker of s3: ./s3 does without it"]);
});

Deno.test("weights() adds up modules by room, heaviest first", () => {
  const size = sizeOf("a", "");
  assert.deepEqual(weights(size), [["lib/http", 50], ["valibot", 40], ["lib/connect.ts", 1]]);
  assert.deepEqual(weights(size, true)[0], ["valibot", 40]);
});

/** esbuild is a process, which ends a little after it was told to. */
const spawning = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "measure() finds S3 and its XML parser in a core that imports them, and neither in ours",
  spawning,
  async () => {
    const connect = TARGETS.find(({ name }) => name === "{ connect }")!;
    const spoilt = {
      ...connect,
      name: "spoilt",
      source: `${connect.source} export { deleteObjects, completeMultipartUpload } from "@dashi/sqs/s3";`,
    };
    const sizes = await measure([connect, spoilt]);
    const lines = complaints([connect, spoilt], sizes, { ...LIMITS, spoilt: LIMITS[connect.name] });
    assert.deepEqual(lines.filter((line) => !line.startsWith("spoilt")), []);
    assert.ok(lines.some((line) => /^spoilt must not hold xml/.test(line)), lines.join("\n"));
    assert.ok(lines.some((line) => /^spoilt must not hold s3/.test(line)));
    assert.ok(lines.some((line) => /^spoilt has \d+ bytes, \d+ more than its limit/.test(line)));
    assert.ok(sizes[0].modules.some(([module]) => module === "lib/connect.ts"));
    assert.ok(sizes[1].modules.some(([module]) => module === "fast-xml-parser"));
  },
);

Deno.test("misquoted() names each figure of README.md that is another than it was measured, or is gone", async () => {
  const page = (await Deno.readTextFile(new URL("../../README.md", import.meta.url))).replace(/\s+/g, " ");
  const names = ["{ connect, consume, publish }", "{ connect, publish }", "@aws-sdk/client-sqs", "sqs-consumer"];
  assert.deepEqual(
    misquoted(page, names.map((name) => sizeOf(name, "", 99_499))).map((line) => line.replace(/\d+(?= KB)/, "N")),
    names.map((name) => `README.md says N KB of ${name}, which has 99`),
  );
  assert.match(misquoted("", names.map((name) => sizeOf(name, "")))[0], /says nothing/);
});
