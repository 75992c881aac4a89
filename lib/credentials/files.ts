/**
 * Reads files, where there are any.
 *
 * @module
 */
import { builtin } from "../builtin.ts";
import { show } from "../check.ts";
import { CredentialsError } from "../errors.ts";

/** Node's file system, as far as it is needed. */
interface FileSystem {
  readonly promises: { readFile(path: string, encoding: "utf8"): Promise<string> };
}

/**
 * The text of a file, or undefined if there is none of that name.
 *
 * @param path The file.
 * @param what What it is read for, for the error.
 * @throws {CredentialsError} Where there is no file system, or it does not let us.
 */
export async function readFileText(path: string, what: string): Promise<string | undefined> {
  const fs = builtin<FileSystem>("node:fs");
  if (typeof fs?.promises?.readFile !== "function") {
    throw new CredentialsError(
      `Cannot read ${what} as this runtime has no file system (process.getBuiltinModule("node:fs"))`,
    );
  }
  try {
    return await fs.promises.readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as { code?: unknown })?.code;
    if (code === "ENOENT") return undefined;
    const why = typeof code === "string" ? code : "the runtime does not allow it";
    throw new CredentialsError(`Cannot read ${what} ${show(path)}: ${why}`);
  }
}

/** A token that lies in a file, as Kubernetes and ECS put it there. It changes: read it anew for each use. */
export async function readToken(path: string, what: string): Promise<string> {
  const token = (await readFileText(path, what))?.trim();
  // show() cuts it: by mistake the variable may hold the token itself.
  if (!token) throw new CredentialsError(`Cannot use ${what} as ${show(path)} is missing or empty`);
  return token;
}
