/**
 * Starts servers and clients as processes of their own.
 *
 * @module
 */
import { path } from "./build.ts";
import type { Measured, Task } from "./harness.ts";

/** Python with kombu in it, if there is one. */
export const python = Deno.env.get("INTEROP_PYTHON");

/** What that Python and its kombu are; the empty string where there is none. */
export async function kombuVersion(): Promise<string> {
  if (!python) return "";
  const program = "import kombu, platform; print(f'Python {platform.python_version()}, kombu {kombu.__version__}')";
  const { stdout } = await new Deno.Command(python, { args: ["-c", program] }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** A running server. */
export interface Server extends AsyncDisposable {
  readonly endpoint: string;
}

/** Starts the canned server, in Node where there is one. */
export async function startServer(latency = 0): Promise<Server> {
  const start = (command: string, ...args: string[]) =>
    new Deno.Command(command, {
      args: [...args, path(".build/server.mjs"), String(latency)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  let child: Deno.ChildProcess;
  try {
    child = start("node");
  } catch {
    child = start(Deno.execPath(), "run", "-A");
  }
  const reader = child.stdout.getReader();
  const port = new TextDecoder().decode((await reader.read()).value).trim();
  await reader.cancel();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

/** Runs one client in one process, and gives what it measured. */
export async function runClient(client: string, verb: string, task: Task): Promise<Measured> {
  const [command, ...args] = client === "kombu"
    ? [python!, path("clients/kombu_client.py")]
    : [Deno.execPath(), "run", "-A", "--no-lock", "--v8-flags=--expose-gc", path(`.build/clients/${client}.mjs`)];
  const { stdout, stderr } = await new Deno.Command(command, { args: [...args, verb, JSON.stringify(task)] }).output();
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
  try {
    return JSON.parse(last);
  } catch {
    throw new Error(`${client} ${verb} gave no result: ${last}\n${new TextDecoder().decode(stderr)}`);
  }
}
