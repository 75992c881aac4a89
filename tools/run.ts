/**
 * How the tools run deno: the one that runs them, so that none has to be on the PATH.
 *
 * @module
 */
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";

/** The project's folder: every command runs there. */
export const root: string = resolve(import.meta.dirname!, "..");

/** What a command gave. */
export interface Outcome {
  readonly code: number;
  /** What it printed, where it was kept; else the empty string. */
  readonly output: string;
}

/** Options of {@linkcode run} and {@linkcode runTests}. */
export interface RunOptions {
  /** Keeps what it prints, instead of showing it. Default: false. */
  readonly keep?: boolean;
  /** Environment variables on top of this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command to its end. Its input is closed: a tool that asks would wait for ever in CI. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { keep = false, env } = options;
  const plain: Record<string, string> = process.stdout.isTTY && !keep ? {} : { NO_COLOR: "1" };
  const child = new Deno.Command(command, {
    args: [...args],
    cwd: root,
    env: { ...plain, ...env },
    stdin: "null",
    stdout: keep ? "piped" : "inherit",
    stderr: keep ? "piped" : "inherit",
  }).spawn();
  if (!keep) return { code: (await child.status).code, output: "" };
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout) + text(stderr) };
}

/** Runs this deno to its end. In CI the lock file is frozen: what it does not name is an error. */
export function deno(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  const locked = process.env.CI && /^(?:run|test|check|publish)$/.test(args[0]) ? ["--frozen"] : [];
  return run(Deno.execPath(), [args[0], ...locked, ...args.slice(1)], options);
}

/**
 * Runs `deno test` and ends with a line that says how many tests passed and failed, and nothing else. They are counted in
 * its report, which stays where the arguments say so: `--junit-path=report.xml`.
 */
export async function runTests(args: readonly string[], options?: RunOptions): Promise<number> {
  const wanted = args.find((argument) => argument.startsWith("--junit-path="))?.slice("--junit-path=".length);
  const report = wanted ? resolve(root, wanted) : join(tmpdir(), `dashi-tests-${process.pid}.xml`);
  // A terminal gets a dot a test, a log the names.
  const reporter = process.stdout.isTTY ? "dot" : "pretty";
  const { code } = await deno(["test", "-A", `--reporter=${reporter}`, `--junit-path=${report}`, ...args], options);
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
    if (!wanted) rmSync(report);
  } catch {
    // It never came to run a test: the exit code says so.
  }
  const [, tests = "0", failures = "0"] = /<testsuites [^>]*tests="(\d+)" failures="(\d+)"/.exec(xml) ?? [];
  const skipped = xml.split("<skipped/>").length - 1;
  const failed = Math.max(Number(failures), code === 0 ? 0 : 1);
  const filtered = args.some((argument) => argument.startsWith("--filter"));
  if (filtered && code === 0 && xml && Number(tests) === skipped) {
    console.error("No test has a name that fits --filter");
    return 1;
  }
  if (skipped) console.log(`${skipped} skipped`);
  console.log(`${Number(tests) - Number(failures) - skipped} passed, ${failed} failed`);
  return code;
}
