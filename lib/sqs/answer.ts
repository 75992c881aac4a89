/**
 * Schemas of SQS's answers, made of a few kinds of JSON values that say where an answer is wrong. What an answer holds
 * besides is left alone.
 *
 * @module
 */
import * as v from "valibot";

/** Finds what is wrong with a value: the path to it, which is empty for the value itself. Undefined if nothing is. */
export type Kind<T> = ((value: any) => readonly string[] | undefined) & { readonly of?: T };

type Kinds = Readonly<Record<string, Kind<any>>>;
type Values<Fields extends Kinds> = { [Name in keyof Fields]: Fields[Name] extends Kind<infer T> ? T : never };

/** Any text. */
export const text: Kind<string> = (value) => typeof value === "string" ? undefined : [];

/** Any number. */
export const number: Kind<number> = (value) => typeof value === "number" ? undefined : [];

/** True or false. */
export const yesOrNo: Kind<boolean> = (value) => typeof value === "boolean" ? undefined : [];

/** What may be absent; some emulators write null then. */
export function maybe<T>(kind: Kind<T>): Kind<T | null | undefined> {
  return (value) => value == null ? undefined : kind(value);
}

/** An object with these fields. */
export function fields<Fields extends Kinds>(kinds: Fields): Kind<Values<Fields>> {
  const names = Object.keys(kinds);
  return (value) => Object(value) === value ? wrongIn(value, names, (name) => kinds[name]) : [];
}

/** A list of values of one kind. */
export function listOf<T>(kind: Kind<T>): Kind<T[]> {
  return (value) => Array.isArray(value) ? wrongIn(value, Object.keys(value), () => kind) : [];
}

/** An object that holds values of one kind by any names, `__proto__` among them. */
export function recordOf<T>(kind: Kind<T>): Kind<Readonly<Record<string, T>>> {
  return (value) =>
    Array.isArray(value) || Object(value) !== value ? [] : wrongIn(value, Object.keys(value), () => kind);
}

function wrongIn(value: any, names: readonly string[], kindOf: (name: string) => Kind<unknown>): string[] | undefined {
  for (const name of names) {
    const path = kindOf(name)(value[name]);
    if (path) return [name, ...path];
  }
}

/** The schema of an answer with these fields. An issue's message is the path to what is wrong. */
export function answer<Fields extends Kinds>(kinds: Fields): v.GenericSchema<Values<Fields>> {
  const wrong = fields(kinds);
  return v.custom<Values<Fields>>((value) => !wrong(value), ({ input }) => wrong(input)!.join("."));
}
