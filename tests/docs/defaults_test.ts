import assert from "node:assert/strict";
import * as CONNECT_DEFAULTS from "../../lib/defaults.ts";
import { RETRY_DEFAULTS } from "../../lib/celery/retry.ts";
import { concurrency, polls, prefetch } from "../../lib/consume/defaults.ts";
import { PAYLOAD_DEFAULTS } from "../../lib/payloads/settings.ts";

const { threshold, always, deleteOnAck, ignoreNotFound, legacyAttribute, maxBytes, maxBytesInFlight } =
  PAYLOAD_DEFAULTS;

/** The defaults of each function by its options, and the file whose comments say them to users. */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, number | boolean>>>> = {
  "types/broker.ts": CONNECT_DEFAULTS,
  "consume/options.ts": { prefetch, polls },
  "consume/for_each.ts": { concurrency },
  "payloads/settings.ts": {
    threshold,
    always,
    deleteOnAck,
    ignoreNotFound,
    legacyAttribute,
    maxBytes,
    maxBytesInFlight,
  },
  "celery/retry.ts": RETRY_DEFAULTS,
};

/** A value as a comment may write it. */
const forms = (value: number | boolean) => [
  String(value),
  value.toLocaleString("en"),
  `${Number(value) / 2 ** 20} MiB`,
];

for (const [file, defaults] of Object.entries(DEFAULTS)) {
  Deno.test(`the comments of lib/${file} say the defaults of the code`, async () => {
    const source = await Deno.readTextFile(new URL(`../../lib/${file}`, import.meta.url));
    for (const [option, value] of Object.entries(defaults)) {
      const [, comment] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*readonly ${option}\\?:`).exec(source)!;
      const said = comment.split("Default: ").at(-1)!.replace(/\s*\*?\s+/g, " ");
      assert.ok(forms(value).some((form) => new RegExp(`\\b${form}\\b`).test(said)), `${option} is ${value}: ${said}`);
    }
  });
}
