/**
 * What the runner needs of the process. With `bare` in the runtime's name it is then taken away, with all else that a
 * runtime may lack, before the library is imported.
 *
 * @module
 */
const { process } = globalThis as unknown as {
  process: {
    argv: string[];
    getBuiltinModule(name: "node:util"): { inspect(value: unknown, options: object): string };
  };
};
const util = process.getBuiltinModule("node:util");

/** The runner's arguments. */
export const argv: readonly string[] = process.argv.slice(2);

/** What `console.log` shows, to any depth. */
export const inspect = (value: unknown): string => util.inspect(value, { depth: 20, showHidden: true });

/** Writes a line. */
export const print: (line: string) => void = console.log;

const LACKING: Record<string, readonly string[]> = {
  globalThis: ["process", "navigator", "CompressionStream", "DecompressionStream"],
  Promise: ["withResolvers", "try"],
  Array: ["fromAsync"],
  Uint8Array: ["fromBase64"],
};
if (argv[1].includes("bare")) {
  const { withResolvers } = Promise;
  for (const [owner, names] of Object.entries(LACKING)) {
    for (const name of names) delete (globalThis as any)[owner][name];
  }
  try {
    await new Response("").text();
  } catch {
    // From Node 26 on its own `fetch` needs this one.
    Object.assign(Promise, { withResolvers });
  }
}
