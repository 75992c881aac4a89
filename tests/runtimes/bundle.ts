/**
 * Bundles TypeScript of this project for runtimes that take one file of JavaScript.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { denoPackages } from "../../tools/size.ts";

/**
 * Bundles files, each for itself.
 *
 * @param entries URLs of the files.
 * @returns The text of one ES module each.
 */
export async function bundle(...entries: URL[]): Promise<string[]> {
  const links = mkdtempSync(join(tmpdir(), "dashi-bundle-"));
  try {
    return await Promise.all(entries.map(async (entry) => {
      const { outputFiles } = await esbuild.build({
        entryPoints: [fileURLToPath(entry)],
        bundle: true,
        format: "esm",
        target: "es2022",
        external: ["node:*", "cloudflare:*"],
        write: false,
        logLevel: "silent",
        plugins: [denoPackages(links)],
      });
      return outputFiles[0].text;
    }));
  } finally {
    rmSync(links, { recursive: true });
    await esbuild.stop();
  }
}
