/**
 * The checks of arguments, with one wording for all.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";

/** Shows a value in an error message: short, and without what it holds. */
function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? value.slice(0, 77) + "..." : value);
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}

/** Throws the error for an option that is wrong. */
export function refuse(path: string, expected: string, value: unknown): never {
  throw new ConfigError(`Cannot use '${path}' as it must be ${expected}: current value is ${show(value)}`);
}

/** Throws unless the value is a finite number within the range, whole unless `fraction`. */
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

/** Throws unless the value is one of a few. */
export function assertOneOf<T>(path: string, value: unknown, choices: readonly T[]): asserts value is T {
  if (!choices.includes(value as T)) refuse(path, `one of ${choices.join(", ")}`, value);
}

/** Throws for an option whose name is unknown, with the nearest one that is known. */
export function assertKnown(path: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new ConfigError(
        `Cannot use '${path ? path + "." : ""}${key}' as there is no such option: known are ${known.join(", ")}`,
      );
    }
  }
}
