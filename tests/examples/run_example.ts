/**
 * Runs an example as a reader would: from the project's folder, and with nothing in its environment that AWS's tools or
 * terminals look for.
 *
 * @module
 */
import { resolve } from "node:path";

const root = resolve(import.meta.dirname!, "../..");

/** What a run gave. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a file of `examples/` to its end.
 *
 * @param name The file, without `.ts`.
 * @param args Its arguments.
 * @param env Environment variables on top of those that are kept.
 * @param meanwhile What is done with the process while it runs.
 */
export async function runExample(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  meanwhile?: (child: Deno.ChildProcess) => Promise<void>,
): Promise<Outcome> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => !/^AWS_|COLOR/.test(name));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `examples/${name}.ts`, ...args],
    cwd: root,
    clearEnv: true,
    env: { ...Object.fromEntries(kept), NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), meanwhile?.(child)]);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}
