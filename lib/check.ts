/**
 * The checks of arguments, with one wording for all.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";

/** Shows a value in an error message: short, and without what it holds. */
export function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "string") {
    // A URL may hold a password, and so may what was meant to be one: "key:secret@host".
    const user = value.slice(0, value.lastIndexOf("@") + 1);
    const text = user.includes(":") ? "…@" + value.slice(user.length) : value;
    return JSON.stringify(text.length > 80 ? text.slice(0, 77) + "..." : text);
  }
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

/** Throws the error for an option that is wrong. */
export function refuse(path: string, expected: string, value: unknown): never {
  throw new ConfigError(`Cannot use '${path}' as it must be ${expected}: current value is ${show(value)}`);
}

/** Throws unless the value is a number within the range, both ends included, and whole unless `fraction`. */
export function assertWithin(
  path: string,
  value: unknown,
  least: number,
  most: number,
  fraction = false,
): asserts value is number {
  if (
    typeof value !== "number" || !(value >= least && value <= most) || !(fraction || Number.isInteger(value))
  ) {
    const kind = fraction ? "a number" : "an integer";
    refuse(path, most === Infinity ? `${kind} of ${least} or more` : `${kind} from ${least} to ${most}`, value);
  }
}

/** Throws unless the value is a string that is not empty. */
export function assertText(path: string, value: unknown): asserts value is string {
  if (typeof value !== "string" || value === "") refuse(path, "a string that is not empty", value);
}

/** Throws for an option whose name is unknown, with those that are known. */
export function assertKnown(path: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      const name = path ? `${path}.${key}` : key;
      throw new ConfigError(`Cannot use '${name}' as there is no such option: known are ${known.join(", ")}`);
    }
  }
}

/** A check of one value: throws as {@linkcode refuse} does. */
export type Check = (path: string, value: unknown) => void;

/**
 * Throws if an option is unknown or fails its check, or the `required` one is missing. An option that is undefined counts
 * as not given.
 */
export function assertOptions<Options extends object>(
  path: string,
  options: Options,
  checks: Readonly<Record<keyof Options, Check>>,
  required?: keyof Options,
): void {
  is("object")(path || "options", options);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(checks, key)) assertKnown(path, options, Object.keys(checks));
    if (value !== undefined) checks[key as keyof Options](path ? `${path}.${key}` : key, value);
  }
  if (required) checks[required](`${path}.${String(required)}`, options[required]);
}

/** The options without those that are undefined: such a one was not given, and must not overwrite another. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** A check of a value's type. An array is no object here: all of its options would be unset. */
export function is(type: "string" | "boolean" | "function" | "object"): Check {
  return (path, value) => {
    if (typeof value !== type || value === null || Array.isArray(value)) refuse(path, `of type ${type}`, value);
  };
}

/** A check of a number's range. */
export function within(least: number, most: number, fraction = false): Check {
  return (path, value) => assertWithin(path, value, least, most, fraction);
}

/** A check of a value that is one of a few. */
export function oneOf(...choices: readonly unknown[]): Check {
  return (path, value) => {
    if (!choices.includes(value)) refuse(path, `one of ${choices.join(", ")}`, value);
  };
}

/** A check of each value of a record. */
export function each(check: Check): Check {
  return (path, record) => {
    is("object")(path, record);
    for (const [key, value] of Object.entries(record as object)) check(`${path}.${key}`, value);
  };
}

/** A check of each value of a list. */
export function listOf(check: Check): Check {
  return (path, list) => {
    if (!Array.isArray(list)) refuse(path, "a list", list);
    list.forEach((value, at) => check(`${path}.${at}`, value));
  };
}

/** A check of a record of delays by receive count. A delay under a key that is no count would never apply. */
export function byCount(check: Check): Check {
  return each((at, delay) => {
    if (!/\D\.[1-9]\d*$/.test(at)) refuse(at, "by receive count, 1 or more", delay);
    check(at, delay);
  });
}

/** Throws unless the value can be iterated. A string is refused: it is one body, not a list of characters. */
export function assertIterable(path: string, value: unknown): void {
  if (typeof value !== "object" || !value || !(Symbol.asyncIterator in value || Symbol.iterator in value)) {
    refuse(path, "an iterable or an async iterable", value);
  }
}

/** A check of the functions that an object must have. */
export function has(...names: readonly string[]): Check {
  return (path, value) => {
    for (const name of names) {
      if (typeof Object(value)[name] !== "function") refuse(path, `an object with a function ${name}`, value);
    }
  };
}

/** Throws unless the options are empty or hold a `signal` and nothing else. */
export function assertSignal(options: { readonly signal?: AbortSignal | undefined }): void {
  assertOptions("", options, { signal: has("throwIfAborted") });
}

/** Throws unless it is a pair of keys. The message never shows what came: it may be half of a secret. */
export function assertKeys(path: string, keys: unknown, instead = ""): void {
  const { accessKeyId, secretAccessKey, sessionToken } = Object(keys);
  for (const [name, key] of Object.entries({ accessKeyId, secretAccessKey, sessionToken: sessionToken || "none" })) {
    if (typeof key !== "string" || !key) refuse(`${path}.${name}`, `given as text${instead}`, undefined);
  }
}

/** Throws unless it is a pair of keys or a provider of them. */
export function assertCredentials(path: string, credentials: unknown): void {
  if (typeof credentials !== "function") {
    assertKeys(path, credentials, `, or '${path}' a function like defaultChain()`);
  }
}
