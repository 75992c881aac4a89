/**
 * Instants as Celery's headers hold them.
 *
 * @module
 */
import { DecodeError } from "../errors.ts";

const ISO =
  /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?$/i;

/**
 * Reads an instant in any ISO 8601 form that Python or JavaScript writes, with and without a zone: one without is UTC,
 * as with Celery's default `enable_utc`. Microseconds are rounded up, so that nothing is early.
 *
 * @throws {DecodeError} If it is none.
 */
export function readIsoDate(name: string, value: unknown): Date | undefined {
  if (value == null || value === "") return;
  if (value instanceof Date && !Number.isNaN(+value)) return value;
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = "", zone = "Z"] =
    (typeof value === "string" && ISO.exec(value.trim())) || [];
  const at = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +second);
  const written = [year, month, day].join("-");
  if (!year || !new Date(at - 86_399_999 * +(+hour === 24)).toISOString().startsWith(written)) {
    throw new DecodeError(`Cannot read '${name}' as it must be an instant in ISO 8601, such as 2030-01-02T03:04:05Z`);
  }
  const [offsetHours = 0, offsetMinutes = 0, offsetSeconds = 0] = (zone.match(/\d\d/g) ?? []).map(Number);
  const offset = (offsetHours * 3600 + offsetMinutes * 60 + offsetSeconds) * (zone[0] === "-" ? -1 : 1);
  return new Date(at + Math.ceil(Number(`0.${fraction || 0}`) * 1000) - offset * 1000);
}

/** Writes an instant as Python's `isoformat()` does, with its offset. */
export function writeIsoDate(at: Date): string {
  return at.toISOString().replace(/(\.000)?Z$/, (_, whole) => `${whole ? "" : "000"}+00:00`);
}
