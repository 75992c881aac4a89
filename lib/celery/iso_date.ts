/**
 * Instants as Celery's headers hold them.
 *
 * @module
 */
import { DecodeError } from "../errors.ts";

const ISO =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d)(?::?([0-5]\d)(?::?([0-5]\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?$/i;

/**
 * Reads an instant in any ISO 8601 form that Python or JavaScript writes, with and without a zone: one without is UTC,
 * as with Celery's default `enable_utc`. Microseconds are rounded up, so that nothing is early.
 *
 * @throws {DecodeError} If it is none.
 */
export function readIsoDate(name: string, given: unknown): Date | undefined {
  // A signature that came in a message holds Python's datetime as it was written.
  const value = (given as { __value__?: unknown } | null | undefined)?.__value__ ?? given;
  if (value == null || value === "") return;
  if (value instanceof Date && !Number.isNaN(+value)) return value;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "0", zone = "Z"] =
    (typeof value === "string" && ISO.exec(value.trim())) || [];
  const date = `${year}-${month}-${day}T`;
  const at = Date.parse(`${date}${hour}:${minute}:${second}Z`);
  // There is no 30th of February, though Date makes a day of it.
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(date)) {
    throw new DecodeError(`Cannot read '${name}' as it must be an instant in ISO 8601, such as 2030-01-02T03:04:05Z`);
  }
  const [offsetHours = 0, offsetMinutes = 0, offsetSeconds = 0] = (zone.match(/\d\d/g) ?? []).map(Number);
  const offset = (offsetHours * 3600 + offsetMinutes * 60 + offsetSeconds) * (zone[0] === "-" ? -1 : 1);
  return new Date(at + Math.ceil(Number(`0.${fraction}`) * 1000) - offset * 1000);
}

/** Writes an instant as Python's `isoformat()` does, with its offset. */
export function writeIsoDate(at: Date): string {
  return at.toISOString().replace(/(\.000)?Z$/, (_, whole) => `${whole ? "" : "000"}+00:00`);
}
