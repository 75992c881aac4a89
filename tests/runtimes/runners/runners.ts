/**
 * The runtimes, a function each: it gives the suite's results, or a word why it can't be had here.
 *
 * @module
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { chromium } from "playwright-core";
import { bundle } from "../bundle.ts";
import type { SuiteResult } from "../suite.ts";
import { corsProxy } from "./cors_proxy.ts";
import { BUN, DIST, install, run } from "./install.ts";

/** Where the suite runs, and with what. */
export interface Run {
  readonly endpoint: string;
  readonly filter: string;
  /** The bundles, as files. */
  readonly files: Bundles;
}

/** The suite's bundles: paths of files. */
export interface Bundles {
  readonly process: string;
  readonly worker: string;
  readonly page: string;
}

/** Runs the suite in one runtime. A string says why it can't. */
export type Runner = (run: Run) => Promise<SuiteResult[] | string>;

/** The dates of Workers' behaviour that are tested: the oldest, as URLs and streams have no standard before it, and a new one. */
const OLD_DATE = "2022-11-30";
const NEW_DATE = "2026-07-01";
/** Where Debian puts its browser. */
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Milliseconds that one runtime may take. */
const LIMIT = 300_000;

/** Bundles the suite for each kind of runtime. */
export async function bundleSuite(): Promise<Bundles> {
  const folder = join(DIST, "runtimes");
  mkdirSync(folder, { recursive: true });
  const names = ["process", "worker", "page"] as const;
  const texts = await bundle(...names.map((name) => new URL(`${name}.ts`, import.meta.url)));
  const files = names.map((name, index) => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, texts[index]);
    return [name, file] as const;
  });
  return Object.fromEntries(files) as unknown as Bundles;
}

/** The runtimes by name. */
export const runners: Readonly<Record<string, Runner>> = {
  deno: (run) => command(run, "deno", Deno.execPath(), ["run", "-A", `${import.meta.dirname}/process.ts`]),
  node: (run) => command(run, "node", "node", [run.files.process]),
  "node-bare": (run) => command(run, "node-bare", "node", [run.files.process]),
  bun: async (run) => {
    const folder = await install("bun", { bun: BUN });
    return await command(run, "bun", join(folder, "node_modules/.bin/bun"), [run.files.process]);
  },
  workerd: (run) => worker(run, "workerd", { compatibilityDate: OLD_DATE }),
  "workerd-nodejs": (run) =>
    worker(run, "workerd-nodejs", { compatibilityDate: NEW_DATE, compatibilityFlags: ["nodejs_compat"] }),
  chromium: browser,
};

async function command(
  { endpoint, filter }: Run,
  name: string,
  program: string,
  args: readonly string[],
): Promise<SuiteResult[]> {
  const text = await run(program, [...args, endpoint, name, filter], { signal: AbortSignal.timeout(LIMIT) });
  return JSON.parse(text);
}

async function worker(
  { endpoint, filter, files }: Run,
  runtime: string,
  options: { compatibilityDate: string; compatibilityFlags?: string[] },
): Promise<SuiteResult[]> {
  const miniflare = new Miniflare({ modules: true, scriptPath: files.worker, ...options });
  try {
    const query = new URLSearchParams({ endpoint, runtime, filter });
    const response = await miniflare.dispatchFetch(`http://localhost/?${query}`, {
      signal: AbortSignal.timeout(LIMIT),
    });
    if (!response.ok) throw new Error(await response.text());
    return await response.json() as SuiteResult[];
  } finally {
    await miniflare.dispose();
  }
}

async function browser({ endpoint, filter, files }: Run): Promise<SuiteResult[] | string> {
  const executablePath = CHROMIUM.find((path) => existsSync(path));
  if (!executablePath) return `skipped: there is no ${CHROMIUM[0]}`;
  await using proxy = corsProxy(endpoint, files.page);
  const driven = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await driven.newPage();
    page.setDefaultTimeout(LIMIT);
    await page.goto(proxy.page);
    await page.waitForFunction("globalThis.runtimeSuite");
    const call = `runtimeSuite(${JSON.stringify(proxy.endpoint)}, "chromium", ${JSON.stringify(filter)})`;
    // The evaluation itself knows no timeout: the handle that it is waited for by does.
    await page.evaluate(`globalThis.results = undefined; void ${call}.then((results) => globalThis.results = results)`);
    return await (await page.waitForFunction("globalThis.results")).jsonValue() as SuiteResult[];
  } finally {
    await driven.close();
  }
}
