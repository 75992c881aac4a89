/**
 * How the tools read their command lines: `--help` prints how a tool is called, and what it does not know is refused.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import process from "node:process";

type OptionTypes = NonNullable<ParseArgsConfig["options"]>;
type Read<Options extends OptionTypes> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: boolean }>
>;

/**
 * Reads what a tool was given.
 *
 * @param usage What `--help` prints: the line `Usage: …`, then what there is to say.
 * @param options The tool's own options, as `parseArgs` of `node:util` takes them.
 * @param allowPositionals Whether it takes words that are no options. Default: false.
 * @returns The options' values and the other words. With `--help` (code 0) and with a wrong word (code 2) the process ends.
 */
export function readArguments<const Options extends OptionTypes>(
  usage: string,
  options: Options,
  allowPositionals = false,
): Read<Options> {
  const help = { type: "boolean", short: "h" } as const;
  let read: Read<Options>;
  try {
    read = parseArgs({ options: { ...options, help }, allowPositionals });
  } catch (error) {
    console.error(`${(error as Error).message.replace(/\. .*/s, "")}\n\n${usage}`);
    process.exit(2);
  }
  if ((read.values as { help?: boolean }).help) {
    console.log(usage);
    process.exit();
  }
  return read;
}

/** Ends a tool that hands the rest of its command line on to `deno test`, where it is asked for help. */
export function helpOf(usage: string): void {
  if (!process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) return;
  console.log(usage);
  process.exit();
}

/**
 * Reads a number from the environment; where it is none, the process ends with code 2.
 *
 * @param name The variable.
 * @param usual What it is where it is not set.
 * @param least The smallest that is taken. Default: 0.
 */
export function numberOf(name: string, usual: number, least = 0): number {
  const given = process.env[name];
  const value = Number(given || usual);
  if (value >= least) return value;
  console.error(`${name} must be a number from ${least} on: it is '${given}'`);
  process.exit(2);
}
