import * as v from "valibot";

/**
 * The schema of a JSON object whose values are all of one kind. valibot's own leaves out the names `__proto__`,
 * `prototype` and `constructor`, which a message attribute or a tag may have.
 */
export function recordOf<T>(is: (value: any) => boolean): v.GenericSchema<Readonly<Record<string, T>>> {
  return v.custom<Readonly<Record<string, T>>>((input) =>
    typeof input === "object" && input !== null && !Array.isArray(input) && Object.values(input).every(is)
  );
}

/** The schema of attributes and tags: text by name. */
export const texts = (): v.GenericSchema<Readonly<Record<string, string>>> =>
  recordOf<string>((value) => typeof value === "string");
