/**
 * Measures what an app carries: bundles entry points and what apps import of them with esbuild (no splitting, minified,
 * ESM, gzip -9, dependencies counted), beside the AWS SDK and sqs-consumer. Exits with 1 if a bundle holds what it must
 * not, is larger than its limit, or than README.md says. `--modules` lists the modules of the main bundle.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { findPackageJSON, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import config from "../deno.json" with { type: "json" };
import { readArguments } from "./arguments.ts";

const root = resolve(import.meta.dirname!, "..");

/** A string of each thing that a bundle may have to do without. Each must occur in the bundle of `proof`. */
export const MARKERS = {
  xml: { text: /processEntities/, proof: "./sns" },
  s3: { text: /CompleteMultipartUpload/, proof: "./s3" },
  sns: { text: /2010-03-31/, proof: "./sns" },
  sts: { text: /2011-06-15/, proof: "./sts" },
  sqs: { text: /AmazonSQS/, proof: "./sqs" },
  node: { text: /["'`]node:(?!crypto)/, proof: "./credentials" },
} as const;

type Marker = keyof typeof MARKERS;

/** A bundle. */
export interface Target {
  readonly name: string;
  /** The module's source. */
  readonly source: string;
  /** What must not be in it. */
  readonly never?: readonly Marker[];
}

const all = Object.keys(config.exports);
const core: readonly Marker[] = ["xml", "s3", "sns", "sts", "node"];
const picked = (...names: string[]): string => `export { ${names.join(", ")} } from "@dashi/sqs";`;
const entry = (name: string): string => `export * from "${name.replace(/^\./, "@dashi/sqs")}";`;

/** The most bytes of gzip of each bundle: what it has and a little room. Raise one only for what is worth it. */
export const LIMITS: Readonly<Record<string, number>> = {
  "{ entityName }": 300,
  "{ sign }": 5_523,
  "{ connect }": 6_044,
  "{ connect, publish }": 20_227,
  "{ connect, consume }": 28_085,
  "{ connect, consume, publish }": 31_460,
  ".": 39_705,
  "./sqs": 6_571,
  "./sns": 28_292,
  "./sts": 27_285,
  "./s3": 30_412,
  "./credentials": 39_105,
  "./fanout": 41_329,
  "./payloads": 48_348,
  "./celery": 40_900,
  "./config": 54_181,
  "./testing": 16_006,
  "everything but ./testing": 100_764,
  "everything": 114_681,
};

/** What is bundled, and what must not be in it: the table of entry points as code. */
export const TARGETS: readonly Target[] = [
  { name: "{ entityName }", source: picked("entityName"), never: core },
  { name: "{ sign }", source: picked("sign"), never: core },
  { name: "{ connect }", source: picked("connect"), never: core },
  { name: "{ connect, publish }", source: picked("connect", "publish"), never: core },
  { name: "{ connect, consume }", source: picked("connect", "consume"), never: core },
  { name: "{ connect, consume, publish }", source: picked("connect", "consume", "publish"), never: core },
  { name: ".", source: entry("."), never: core },
  { name: "./sqs", source: entry("./sqs"), never: core },
  { name: "./sns", source: entry("./sns"), never: ["sqs", "s3", "sts", "node"] },
  { name: "./sts", source: entry("./sts"), never: ["sqs", "s3", "sns", "node"] },
  { name: "./s3", source: entry("./s3"), never: ["sqs", "sns", "sts", "node"] },
  { name: "./credentials", source: entry("./credentials"), never: ["s3", "sns"] },
  { name: "./fanout", source: entry("./fanout"), never: ["s3", "node"] },
  { name: "./payloads", source: entry("./payloads"), never: ["sns", "sts", "node"] },
  { name: "./celery", source: entry("./celery"), never: core },
  { name: "./config", source: entry("./config") },
  { name: "./testing", source: entry("./testing"), never: core },
  {
    name: "everything but ./testing",
    source: all.filter((name) => name !== "./testing").map(entry).join("\n"),
  },
  { name: "everything", source: all.map(entry).join("\n") },
];

/** What others weigh, bundled the same way. */
export const PEERS: readonly Target[] = [
  {
    name: "@aws-sdk/client-sqs",
    source:
      `export { SQSClient, ReceiveMessageCommand, SendMessageCommand, DeleteMessageBatchCommand } from "@aws-sdk/client-sqs";`,
  },
  { name: "sqs-consumer", source: `export { Consumer } from "sqs-consumer";` },
];

/** A bundle that was measured. */
export interface Size {
  readonly name: string;
  readonly code: string;
  readonly minified: number;
  readonly gzip: number;
  /** Bytes in the bundle by module. */
  readonly modules: readonly (readonly [module: string, bytes: number])[];
}

/**
 * Finds packages as Deno does, in its own cache: esbuild alone knows only `node_modules`. A folder of links, one a
 * package, lets esbuild choose the file by the package's own `exports` and `browser` fields.
 */
export function denoPackages(links: string): esbuild.Plugin {
  return {
    name: "deno-packages",
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, importer, kind, pluginData }) => {
        if (pluginData === "found" || isBuiltin(path) || /^\w+:/.test(path) || resolve(path) === path) return;
        const [, name, below = ""] = /^(@[^/]+\/[^/]+|[^/]+)(\/.*)?$/.exec(path)!;
        if (name === config.name) {
          return { path: resolve(root, config.exports[`.${below}` as keyof typeof config.exports]) };
        }
        const base = importer.includes("/npm/") ? pathToFileURL(importer) : import.meta.url;
        const manifest = findPackageJSON(name, base);
        if (!manifest) return { errors: [{ text: `'${name}' is not in Deno's cache: run deno install` }] };
        const folder = resolve(links, encodeURIComponent(manifest), "node_modules");
        try {
          mkdirSync(dirname(resolve(folder, name)), { recursive: true });
          symlinkSync(dirname(manifest), resolve(folder, name));
        } catch {
          // Another import of the same package made the link.
        }
        return build.resolve(path, { resolveDir: dirname(folder), kind, pluginData: "found" });
      });
    },
  };
}

/** Bundles and measures each target. */
export async function measure(targets: readonly Target[]): Promise<Size[]> {
  const links = mkdtempSync(resolve(tmpdir(), "dashi-size-"));
  try {
    return await Promise.all(targets.map(async ({ name, source }) => {
      const { outputFiles: [file], metafile } = await esbuild.build({
        stdin: { contents: source, resolveDir: root, loader: "ts" },
        bundle: true,
        minify: true,
        format: "esm",
        target: "esnext",
        platform: "browser",
        external: ["node:*"],
        legalComments: "none",
        metafile: true,
        write: false,
        logLevel: "silent",
        absWorkingDir: root,
        plugins: [denoPackages(links)],
      });
      const modules = Object.entries(Object.values(metafile.outputs)[0].inputs)
        .map(([path, { bytesInOutput }]) => [moduleName(path), bytesInOutput] as const)
        .filter(([, bytes]) => bytes > 0)
        .sort(([, a], [, b]) => b - a);
      const minified = file.contents.length;
      return { name, code: file.text, minified, gzip: gzipSync(file.contents, { level: 9 }).length, modules };
    }));
  } finally {
    rmSync(links, { recursive: true });
    await esbuild.stop();
  }
}

/** A file's path in this project, or its package's name. */
function moduleName(path: string): string {
  const inside = relative(root, resolve(root, path));
  return inside.startsWith("..") ? /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)/.exec(inside)?.[1] ?? inside : inside;
}

/** What is wrong with what was measured: a line each. */
export function complaints(
  targets: readonly Target[],
  sizes: readonly Size[],
  limits: Readonly<Record<string, number>> = LIMITS,
): string[] {
  const lines: string[] = [];
  for (const { name, never = [] } of targets) {
    const size = sizes.find((size) => size.name === name)!;
    const most = limits[name] ?? Infinity;
    if (size.gzip > most) lines.push(`${name} has ${size.gzip} bytes, ${size.gzip - most} more than its limit`);
    for (const marker of never) {
      const found = MARKERS[marker].text.exec(size.code);
      if (found) lines.push(`${name} must not hold ${marker}, but it holds ${JSON.stringify(found[0])}`);
    }
  }
  for (const [marker, { text, proof }] of Object.entries(MARKERS)) {
    const size = sizes.find((size) => size.name === proof);
    if (size && !text.test(size.code)) lines.push(`${text} is no marker of ${marker}: ${proof} does without it`);
  }
  return lines;
}

/** Where README.md says what a bundle weighs, in thousands of bytes. */
const QUOTED: Readonly<Record<string, RegExp>> = {
  "{ connect, consume, publish }": /`\{ connect, consume, publish \}` [^.]*? is (\d+) KB/,
  "{ connect, publish }": /`\{ connect, publish \}` is (\d+)/,
  "@aws-sdk/client-sqs": /SQS client alone is (\d+) KB/,
  "sqs-consumer": /sqs-consumer with it (\d+)/,
};

/** What README.md says otherwise than it was measured: a line each. */
export function misquoted(page: string, sizes: readonly Size[]): string[] {
  return Object.entries(QUOTED).flatMap(([name, quote]) => {
    const measured = Math.round(sizes.find((size) => size.name === name)!.gzip / 1000);
    const said = quote.exec(page)?.[1];
    if (said === String(measured)) return [];
    return [`README.md says ${said ? `${said} KB` : "nothing"} of ${name}, which has ${measured}`];
  });
}

/** Bytes by room of lib/, by package, or by module. */
export function weights({ modules }: Size, each = false): [string, number][] {
  const rooms = new Map<string, number>();
  for (const [module, bytes] of modules) {
    const room = each ? module : module.replace(/^(lib\/[^/]+)\/.*/, "$1");
    rooms.set(room, (rooms.get(room) ?? 0) + bytes);
  }
  return [...rooms].sort(([, a], [, b]) => b - a);
}

function print(heading: string, sizes: readonly Size[]): void {
  console.log(`${heading.padEnd(34)} ${"minified".padStart(9)} ${"gzip -9".padStart(8)}`);
  for (const { name, minified, gzip } of sizes) {
    console.log(`${name.padEnd(34)} ${String(minified).padStart(9)} ${String(gzip).padStart(8)}`);
  }
  console.log();
}

const USAGE = `Usage: deno task size [--modules]

Measures what an app carries of each entry point, and fails where one is larger than its limit in tools/size.ts, holds
what it must not, or is larger than README.md says. --modules lists the modules of the main bundle, not its rooms.`;

if (import.meta.main) {
  const { values: { modules } } = readArguments(USAGE, { modules: { type: "boolean" } });
  const sizes = await measure([...TARGETS, ...PEERS]);
  print("@dashi/sqs", sizes.slice(0, TARGETS.length));
  print("others", sizes.slice(TARGETS.length));
  const main = sizes.find(({ name }) => name === "{ connect, consume, publish }")!;
  console.log(`${main.name} by ${modules ? "module" : "room"}, minified bytes:`);
  for (const [room, bytes] of weights(main, modules)) {
    console.log(`  ${room.padEnd(40)} ${String(bytes).padStart(6)} ${(bytes * 100 / main.minified).toFixed(1)} %`);
  }
  const page = readFileSync(resolve(root, "README.md"), "utf8").replace(/\s+/g, " ");
  const wrong = [...complaints(TARGETS, sizes), ...misquoted(page, sizes)];
  for (const line of wrong) console.error(line);
  if (wrong.length) process.exit(1);
}
