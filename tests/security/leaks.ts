/**
 * Looks for secrets in all that a program can see of a value.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inspect } from "node:util";

/** The forms in which a secret may stand in a text. */
export function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret);
  const hex = Buffer.from(secret).toString("hex");
  // In base64 of a longer text a secret stands in one of three ways, by the place at which it begins.
  const base64 = [0, 1, 2].map((before) => {
    const whole = Buffer.from("x".repeat(before) + secret).toString("base64").replace(/=+$/, "");
    return whole.slice(before ? 4 : 0, -2);
  });
  const url = base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [
    ...new Set([
      secret,
      encoded,
      encodeURIComponent(encoded),
      JSON.stringify(secret).slice(1, -1),
      hex,
      hex.toUpperCase(),
      ...base64,
      ...url,
    ]),
  ];
}

/** Everything that a program, a log or an inspector can show of a value. */
export function everythingOf(value: unknown): string {
  const texts: string[] = [];
  const add = (show: () => unknown) => {
    try {
      texts.push(String(show()));
    } catch {
      // What can't be shown shows nothing.
    }
  };
  add(() => value);
  add(() => JSON.stringify(value));
  add(() =>
    Deno.inspect(value, { depth: Infinity, showHidden: true, strAbbreviateSize: Infinity, iterableLimit: Infinity })
  );
  add(() => inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity }));
  add(() => inspect(structuredClone(value), { depth: Infinity, showHidden: true, maxStringLength: Infinity }));
  walk(value, texts, new Set());
  return texts.join("\n");
}

/** Own properties of all kinds, errors' stacks, causes and headers among them; getters of user-facing objects too. */
function walk(value: unknown, texts: string[], seen: Set<unknown>): void {
  if (typeof value === "string") texts.push(value);
  if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Error) texts.push(value.message, value.stack ?? "");
  if (value instanceof Headers) { for (const pair of value) texts.push(pair.join(": ")); }
  if (value instanceof URL) texts.push(value.href);
  if (value instanceof Map || value instanceof Set) { for (const held of value) walk(held, texts, seen); }
  for (const key of Reflect.ownKeys(value)) {
    texts.push(String(key));
    const descriptor = Object.getOwnPropertyDescriptor(value, key)!;
    if ("value" in descriptor) walk(descriptor.value, texts, seen);
  }
}

/** Throws if a secret can be seen. */
export function assertHidden(value: unknown, secrets: readonly string[], where: string): void {
  const all = everythingOf(value);
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      const at = all.indexOf(form);
      assert.equal(at, -1, `${where} shows a secret: …${all.slice(Math.max(0, at - 200), at + 20)}`);
    }
  }
}
