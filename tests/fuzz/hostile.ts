/**
 * Hostile input, and what is asked of code that reads it: a typed error at the worst, no prototype touched.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { DashiError } from "../../lib/errors.ts";

/** How many inputs a property is given: FUZZ_RUNS for the long form. */
const numRuns = Number(Deno.env.get("FUZZ_RUNS") ?? 300);
/** The same inputs each time, unless FUZZ_SEED says otherwise. */
const seed = Number(Deno.env.get("FUZZ_SEED") ?? 20300101);
/** What every property of this room is run with. */
export const settings = { numRuns, seed } as const;

const EVIL_KEYS = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then", "toJSON", "length"];

/** Text that parsers trip over. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "\u0000",
    "\ud800",
    "\uFEFF",
    "null",
    "NaN",
    "-Infinity",
    "1e999",
    "9".repeat(400),
    "2030-13-45T99:99:99Z",
    "arn:aws:sqs:::",
    "https://",
    "http://user:pass@host/",
    "%",
    "%zz",
    "====",
    "AAAA=AAA",
    "..",
    "\r\n\r\n",
    "&lt;",
    ...EVIL_KEYS,
  ),
);

/** JSON values with keys that would pollute whoever merges them carelessly. */
export const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(fc.oneof(fc.constantFrom(...EVIL_KEYS), text), tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;

/** A valid document with some of it cut, doubled, swapped or replaced. */
export function mutated(...documents: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.tuple(fc.constantFrom("cut", "double", "insert", "replace", "truncate"), fc.nat(), fc.nat(30), text);
  return fc.tuple(fc.constantFrom(...documents), fc.array(edit, { maxLength: 5 })).map(([document, edits]) => {
    for (const [kind, place, length, piece] of edits) {
      const at = document.length ? place % document.length : 0;
      const [before, here, after] = [
        document.slice(0, at),
        document.slice(at, at + length),
        document.slice(at + length),
      ];
      if (kind === "cut") document = before + after;
      else if (kind === "double") document = before + here + here + after;
      else if (kind === "insert") document = before + piece + here + after;
      else if (kind === "replace") document = before + piece + after;
      else document = before;
    }
    return document;
  });
}

/** A valid JSON value with some of its leaves or keys replaced: gets past the outer checks. */
export function mutatedJson(sample: unknown): fc.Arbitrary<unknown> {
  const paths = [...pathsIn(sample)];
  const edit = fc.tuple(fc.nat(paths.length - 1), fc.constantFrom("set", "delete", "rename"), value);
  return fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => {
    let copy = structuredClone(sample);
    for (const [which, kind, other] of edits) {
      const path = paths[which];
      if (!path.length) {
        copy = kind === "set" ? other : copy;
        continue;
      }
      const parent = path.slice(0, -1).reduce<any>((at, key) => at?.[key], copy);
      if (typeof parent !== "object" || parent === null) continue;
      const key = path.at(-1)!;
      const held = parent[key];
      if (kind === "set") parent[key] = other;
      else if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete parent[key];
      if (kind === "rename" && !Array.isArray(parent)) {
        const evil = EVIL_KEYS[which % EVIL_KEYS.length];
        Object.defineProperty(parent, evil, { value: held, enumerable: true, configurable: true, writable: true });
      }
    }
    return copy;
  });
}

function* pathsIn(value: unknown, path: string[] = []): Generator<string[]> {
  yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, held] of Object.entries(value)) yield* pathsIn(held, [...path, key]);
}

const BEFORE = JSON.stringify([
  Reflect.ownKeys(Object.prototype).map(String).sort(),
  Reflect.ownKeys(Array.prototype).map(String).sort(),
  Reflect.ownKeys(Function.prototype).map(String).sort(),
]);

/** Throws if a prototype that all objects share is not as it was. */
function assertPrototypesUntouched(): void {
  const now = JSON.stringify([
    Reflect.ownKeys(Object.prototype).map(String).sort(),
    Reflect.ownKeys(Array.prototype).map(String).sort(),
    Reflect.ownKeys(Function.prototype).map(String).sort(),
  ]);
  assert.equal(now, BEFORE, "a prototype was touched");
  assert.equal(Object.getPrototypeOf({}), Object.prototype);
}

/** Throws if a value's objects have any prototype but the plain ones: `__proto__` as a key must not become one. */
export function assertPlain(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null || depth > 50 || value instanceof DashiError) return;
  const prototype = Object.getPrototypeOf(value);
  const fine = [null, Object.prototype, Array.prototype, Date.prototype, Uint8Array.prototype];
  assert.ok(fine.includes(prototype), `an object's prototype came out of the input`);
  for (const held of Object.values(value)) assertPlain(held, depth + 1);
}

/** Reads, and lets nothing out but what was read or an error of ours. */
export async function survives(
  read: () => unknown,
  allowed: (error: unknown) => boolean = (error) => error instanceof DashiError,
): Promise<unknown> {
  let result: unknown;
  try {
    result = await read();
  } catch (error) {
    assert.ok(allowed(error), `not a typed error: ${error instanceof Error ? error.stack : error}`);
  }
  assertPlain(result);
  assertPrototypesUntouched();
  return result;
}
