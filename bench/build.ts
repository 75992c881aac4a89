/**
 * Bundles the server and the clients, each into one file that any runtime can run.
 *
 * @module
 */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

export const CLIENTS = [
  "dashi",
  "fetch",
  "aws4fetch",
  "aws_sdk",
  "sqs_consumer",
  "squiss",
] as const;
export const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Builds into `.build/`. */
export async function bundle(): Promise<void> {
  await build({
    entryPoints: ["server.ts", ...CLIENTS.map((name) => `clients/${name}.ts`)]
      .map(path),
    outdir: path(".build"),
    outbase: path("."),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    conditions: ["import"],
    alias: {
      "@dashi/sqs/sqs": path("../lib/sqs/mod.ts"),
      "@dashi/sqs": path("../mod.ts"),
    },
    nodePaths: [path("node_modules")],
    // Packages written for CommonJS ask for Node's modules by require().
    banner: {
      js: 'import { createRequire as __r } from "node:module"; const require = __r(import.meta.url);',
    },
    logLevel: "warning",
  });
}

if (import.meta.main) {
  await bundle();
  Deno.exit(0);
}
