/**
 * Installs npm packages where this machine keeps things for a while, each version once.
 *
 * @module
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** The folder for what is built and installed; git ignores it. */
export const DIST: string = resolve(import.meta.dirname!, "../../../dist");

/** The version of Bun; npm brings it. */
export const BUN = "1.4.5";

/** Runs a program, and gives what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { ...options, args: [...args], stdin: "null" })
    .output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (code !== 0) {
    const said = (decode(stderr) + decode(stdout)).trim().slice(-4000);
    throw new Error(`${command} ${args.join(" ")} exited with ${code}\n${said}`);
  }
  return decode(stdout);
}

/**
 * Installs packages into a folder of their own, unless they are there.
 *
 * @param name The folder's name under `dist`.
 * @param dependencies Exact versions, or paths of tarballs.
 * @returns The folder.
 */
export async function install(name: string, dependencies: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(DIST, name);
  const manifest = JSON.stringify({ private: true, type: "module", dependencies }, null, 2);
  const done = join(folder, "node_modules", ".installed");
  if (existsSync(done) && Deno.readTextFileSync(done) === manifest) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), manifest);
  await run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"], { cwd: folder });
  writeFileSync(done, manifest);
  return folder;
}
