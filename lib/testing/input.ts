import { invalid, invalidValue, missing } from "./sqs_fault.ts";

/** The JSON input of a request. */
export type Input = Readonly<Record<string, unknown>>;

/** True for an object that is not a list. */
export function isRecord(value: unknown): value is Input {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text that may be left out. */
export function optionalText(input: Input, name: string): string | undefined {
  const value = input[name] ?? undefined;
  if (value !== undefined && typeof value !== "string") throw invalid(`${name} must be a string.`);
  return value;
}

/** A text that must be there. */
export function text(input: Input, name: string): string {
  const value = optionalText(input, name);
  if (!value) throw missing(name);
  return value;
}

/**
 * An integer within a range that may be left out.
 *
 * @param reason What SQS says of another value.
 */
export function optionalInteger(
  input: Input,
  name: string,
  least: number,
  most: number,
  reason = `Must be between ${least} and ${most}, if provided.`,
): number | undefined {
  const value = input[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw invalidValue(name, value, reason);
  }
  return value;
}

/** A list of texts; an empty one if it was left out. */
export function texts(input: Input, name: string): string[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw invalid(`${name} must be a list of strings.`);
  }
  return value;
}

/** A map of texts; an empty one if it was left out. */
export function textMap(input: Input, name: string): Record<string, string> {
  const value = input[name] ?? {};
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== "string")) {
    throw invalid(`${name} must be a map of strings.`);
  }
  return { ...value } as Record<string, string>;
}
