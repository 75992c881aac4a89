import { ConfigError } from "../errors.ts";

/**
 * Throws for an option that is not known, with the known one that is nearest.
 *
 * @param path The options' own path.
 * @param options The options.
 * @param known The names that there are.
 * @throws {ConfigError} For the first that is unknown.
 */
export function refuseUnknown(path: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new ConfigError(
      `Cannot use '${path}.${name.slice(0, 80)}' as there is no such option: the nearest is '${nearest(name, known)}'`,
    );
  }
}

/** The name with the fewest edits for its length from what was written: half of a long name is near to it. */
function nearest(written: string, known: readonly string[]): string {
  const plain = (name: string) => name.toLowerCase().replaceAll("-", "_").slice(0, 80);
  const distances = known.map((name) =>
    [edits(plain(written), plain(name)) / Math.max(written.length, name.length), name] as const
  );
  return distances.reduce((best, one) => one[0] < best[0] ? one : best)[1];
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}
