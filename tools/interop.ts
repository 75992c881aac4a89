/**
 * `deno task test:interop`: this library against real Celery, kombu and the Extended Client, with moto as the SQS
 * between them. A Python environment is made in `.venv-interop` the first time. `--allow-missing` skips all of it where
 * there is no Python; everything else is for `deno test`, as in `deno task test:interop tests/interop/kombu_test.ts`.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { helpOf } from "./arguments.ts";
import { root, run, runTests } from "./run.ts";

helpOf(`Usage: deno task test:interop [--allow-missing] [paths] [options of deno test]

Runs the tests against real Celery, kombu, moto and the Extended Client, which it installs into .venv-interop. With
--allow-missing it passes where there is no Python for that.`);

const requirements = join(root, "tests/interop/requirements.txt");
const venv = join(root, ".venv-interop");
const bin = join(venv, process.platform === "win32" ? "Scripts" : "bin");
const python = join(bin, process.platform === "win32" ? "python.exe" : "python");
/** What was installed last, to see whether it is what is asked for now. */
const stamp = join(venv, "requirements.txt");

const OLDEST = "3.10";
const CHECK = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${OLDEST.replace(".", ", ")}))`;

/** The name of a Python that is new enough and can make environments. */
async function findPython(): Promise<string | undefined> {
  for (const name of ["python3", "python"]) {
    try {
      if ((await run(name, ["-c", CHECK], { keep: true })).code === 0) return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

async function step(what: string, command: string, args: readonly string[]): Promise<void> {
  const began = performance.now();
  console.log(`${what} ...`);
  const { code, output } = await run(command, args, { keep: true });
  if (code !== 0) throw new Error(`${what}: failed\n${output.trim().split("\n").slice(-15).join("\n")}`);
  console.log(`${what}: done (${((performance.now() - began) / 1000).toFixed(1)} s)`);
}

/** Makes the environment, unless it is there with what the requirements say. */
async function prepare(): Promise<void> {
  // deno-lint-ignore no-control-regex
  if (/[^\x00-\x7f]/.test(root)) {
    throw new Error(`Celery's HTTP client takes paths of ASCII letters only: clone into another folder than ${root}`);
  }
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const found = await findPython();
  if (!found) {
    const sentence = `There is no Python ${OLDEST} or later with its venv module: install it to run these tests`;
    if (!process.argv.includes("--allow-missing")) throw new Error(sentence);
    console.log(`skipped: ${sentence}`);
    process.exit();
  }
  await step("Making a Python environment in .venv-interop", found, ["-m", "venv", "--clear", venv]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
  await step("Installing Celery, kombu, moto and the Extended Client", python, pip);
  writeFileSync(stamp, wanted);
}

/** The strict S3 of tests/interop/strict_s3_test.ts, built from source where there is Go. */
const GATEWAY = "github.com/versity/versitygw/cmd/versitygw@v1.8.0";

/** Where the strict S3's program is; nothing where it can't be built: its tests say so then. */
async function gateway(): Promise<string | undefined> {
  if (process.env.VERSITYGW) return process.env.VERSITYGW;
  const folder = join(venv, "go");
  const program = join(folder, process.platform === "win32" ? "versitygw.exe" : "versitygw");
  if (existsSync(program)) return program;
  const began = performance.now();
  console.log("Building a strict S3 with Go, some minutes the first time ...");
  try {
    const { code, output } = await run("go", ["install", GATEWAY], { keep: true, env: { GOBIN: folder } });
    if (code !== 0) throw new Error(output.trim().split("\n").at(-1));
    console.log(`Building a strict S3 with Go: done (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    return program;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no Go" : (error as Error).message;
    console.log(`skipped: the tests at a strict S3, as ${why}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Runs what needs moto, and ends moto whatever happens. */
async function withMoto(use: (endpoint: string) => Promise<number>): Promise<number> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const moto = new Deno.Command(python, {
    args: ["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", String(port)],
    env: { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let over = false;
  const status = moto.status.finally(() => over = true);
  const stop = () => {
    if (!over) moto.kill("SIGTERM");
  };
  const interrupted = () => {
    stop();
    process.exit(130);
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  try {
    for (let tries = 0; !(await answers(endpoint)); tries++) {
      if (over || tries === 300) throw new Error(`moto does not answer at ${endpoint}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    console.log(`moto listens at ${endpoint}`);
    return await use(endpoint);
  } finally {
    stop();
    await status;
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/moto-api/data.json`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

try {
  await prepare();
  const given = process.argv.slice(2).filter((argument) => argument !== "--allow-missing");
  const paths = given.some((argument) => existsSync(join(root, argument))) ? [] : ["tests/interop"];
  const strict = await gateway();
  process.exitCode = await withMoto((endpoint) =>
    runTests([...paths, ...given], {
      env: { MOTO_ENDPOINT: endpoint, INTEROP_PYTHON: python, ...(strict ? { VERSITYGW: strict } : {}) },
    })
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
