/**
 * JSON as kombu and Python's `json` write and read it.
 *
 * | Python              | on the wire                                                        | here                   |
 * | ------------------- | ------------------------------------------------------------------ | ---------------------- |
 * | `datetime`          | `{"__type__": "datetime", "__value__": "2024-01-02T03:04:05+00:00"}` | `Date`                 |
 * | `date`, `time`      | `{"__type__": "date", "__value__": "2024-01-02"}`                    | string, as it stands   |
 * | `Decimal`           | `{"__type__": "decimal", "__value__": "1.10"}`                       | string, every digit    |
 * | `UUID`              | `{"__type__": "uuid", "__value__": {"hex": "…"}}`                    | string with its dashes |
 * | `bytes`             | `bytes` with text in it, or `base64`                               | `Uint8Array`           |
 * | `nan`, `inf`        | bare `NaN`, `Infinity`, `-Infinity`                                | number                 |
 * | `int` beyond 2^53   | bare digits                                                        | `bigint`               |
 *
 * A naive datetime is read as UTC, and a `Date` keeps milliseconds. A type that is not in the list stays the plain
 * object that it is.
 *
 * @module
 */
import { ConfigError, DecodeError } from "../errors.ts";
import { rereaders } from "./as_written.ts";
import { fromBase64, toBase64, utf8Bytes, utf8Text } from "./base64.ts";
import { escapeForSqs, parseJson } from "./parse_json.ts";

/**
 * The first character of a string that stands for a bare token, such as NaN. It is half of a surrogate pair, which no
 * whole text begins with.
 */
const MARK = "\udc00";

/** The most digits that Python itself reads into an integer. */
const MAX_DIGITS = 4300;

/**
 * Reads JSON as Python's `json` and kombu read it.
 *
 * @param text The JSON.
 * @returns The value; see the module's table.
 * @throws {SyntaxError} If it is no JSON. The runtime's words may repeat what the text holds.
 * @throws {DecodeError} If it is nested more than 1,000 deep, or a typed value is not what its type says.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/userguide/serialization.html}
 */
export function parsePythonJson(text: string): unknown {
  const long = hasLongNumber(text);
  try {
    return revive(text, long);
  } catch (error) {
    if (long || !/NaN|Infinity/.test(text)) throw error;
    return revive(text, true);
  }
}

/** True for a run of 16 digits or more, which could be rounded: such a run has a digit at each sixteenth character. */
function hasLongNumber(text: string): boolean {
  for (let at = 15; at < text.length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let from = at;
    let to = at;
    while (isDigit(text.charCodeAt(from))) from--;
    while (isDigit(text.charCodeAt(to))) to++;
    if (to - from > 16) return true;
  }
  return false;
}

function isDigit(unit: number): boolean {
  return unit > 47 && unit < 58;
}

/** Reads JSON. `__type__` is searched for without quotes: they are so frequent that the search would stop at each. */
function revive(text: string, tokens: boolean, typed = text.includes("__type__")): unknown {
  if (!typed && !tokens) return parseJson(text);
  const value = parseJson(
    tokens ? markTokens(text) : text,
    (_, value) => typeof value === "string" ? fromToken(value) : typed && isTyped(value) ? fromTyped(value) : value,
  );
  if (typed) rereaders.set(Object(value), () => revive(text, true, false));
  return value;
}

/** Turns bare tokens that JSON.parse would refuse or round into marked strings. Strings are matched to be skipped. */
function markTokens(text: string): string {
  return text.replace(
    /(?:"[^"\\]*(?:\\.[^"\\]*)*"?|-?(?:\d[\d.eE+-]*|Infinity)|NaN)(\s*:)?/g,
    (token, key) => !key && /^(?:-?[1-9]\d{15,}|[-NI]\D*)$/.test(token) ? `"${MARK}${token}"` : token,
  );
}

function fromToken(text: string): unknown {
  const token = text[0] === MARK && /^-?(?:\d+|Infinity)$|^NaN$/.exec(text.slice(1))?.[0];
  if (!token) return text;
  const number = Number(token);
  if (Number.isSafeInteger(number) || !/\d/.test(token)) return number;
  if (token.length > MAX_DIGITS) throw new DecodeError("Cannot read an integer of so many digits");
  return BigInt(token);
}

interface Typed {
  readonly __type__: unknown;
  readonly __value__: unknown;
}

function isTyped(value: unknown): value is Typed {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "__type__") &&
    Object.hasOwn(value, "__value__") && Object.keys(value).length === 2;
}

const plausible = (text: string): string => /^[\w:.+-]+$/.exec(text)![0];

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  datetime: readDatetime,
  date: plausible,
  time: plausible,
  decimal: plausible,
  uuid: (hex) => /^(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})$/.exec(hex.replaceAll("-", ""))!.slice(1).join("-"),
  bytes: utf8Bytes,
  base64: fromBase64,
};

function fromTyped(typed: Typed): unknown {
  const { __type__: type, __value__: value } = typed;
  if (typeof type !== "string" || !Object.hasOwn(READERS, type)) return typed;
  const text = type === "uuid" ? (value as { hex?: unknown } | null)?.hex : value;
  try {
    if (typeof text === "string") return READERS[type](text);
  } catch {
    // The runtime's words may repeat what the message holds.
  }
  throw new DecodeError(`Cannot read a value of type '${type}' as it does not hold one`);
}

/** Reads Python's `isoformat()`, whose offsets may have seconds in them and whose fractions have six digits. */
function readDatetime(text: string): Date {
  const [, day, time, offset = "Z", seconds = 0] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{3})?)?)\d*(Z|[+-]\d\d:\d\d)?(?::(\d\d)(?:\.\d+)?)?$/.exec(text)!;
  const date = new Date(`${day}T${time}${offset}`);
  date.setTime(+date - (offset[0] === "-" ? -seconds : +seconds) * 1000);
  date.toISOString(); // throws for what is no date
  return date;
}

/**
 * Writes JSON as kombu does: `Date` as datetime, `Uint8Array` and `ArrayBuffer` as bytes, `bigint` as a bare integer, NaN
 * and the infinities bare. Everything else is as in `JSON.stringify`.
 *
 * @param value The value. Undefined is written as `null`.
 * @returns The JSON, without characters that SQS refuses.
 * @throws {ConfigError} If the value can't be written: it holds itself, or a `Date` that Python has no datetime for.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/userguide/serialization.html}
 */
export function stringifyPythonJson(value: unknown): string {
  try {
    // Without a function to ask about each value JSON.stringify takes a third of the time.
    const text = (isPlain(value) ? JSON.stringify(value) : JSON.stringify(value, replace)) ?? "null";
    // Unmarks tokens: a quote within a text has a backslash before it, and a key has a colon after it.
    return escapeForSqs(
      text.includes("\\udc00") ? text.replace(/(?<!\\)"\\udc00(NaN|-?(?:\d+|Infinity))"(?!:)/g, "$1") : text,
    );
  } catch (cause) {
    throw new ConfigError("Cannot write the value as JSON, which has no circle and no invalid Date", { cause });
  }
}

/** True if JSON writes the value as Python reads it: nothing in it is one of our own types, or no plain object. */
function isPlain(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || !value) return typeof value !== "bigint";
  const { constructor, toJSON } = value as { constructor?: unknown; toJSON?: unknown };
  return (constructor === Object || constructor === Array) && !toJSON && Object.values(value).every(isPlain);
}

function replace(this: Record<string, unknown>, key: string, json: unknown): unknown {
  // Date and Buffer have a toJSON(), whose result comes as `json`.
  const given: unknown = this[key];
  if (typeof given === "bigint" || typeof given === "number" && !Number.isFinite(given)) return MARK + given;
  if (given instanceof Date) {
    const iso = given.toISOString();
    if (iso[4] !== "-") throw new RangeError("Python's years have four digits");
    return { __type__: "datetime", __value__: iso.replace("Z", "000+00:00") };
  }
  const data = given instanceof ArrayBuffer ? new Uint8Array(given) : given;
  return data instanceof Uint8Array ? writeBytes(data) : json;
}

function writeBytes(bytes: Uint8Array): Typed {
  try {
    return { __type__: "bytes", __value__: utf8Text(bytes) };
  } catch {
    return { __type__: "base64", __value__: toBase64(bytes) };
  }
}
