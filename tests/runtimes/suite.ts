/**
 * One suite for every runtime. It uses Web APIs alone; the library and a server's endpoint are its arguments.
 *
 * @module
 */
import { aborts } from "./suite/aborts.ts";
import { celery } from "./suite/celery.ts";
import { codecs } from "./suite/codecs.ts";
import { consuming } from "./suite/consuming.ts";
import { entries } from "./suite/entries.ts";
import { publishing } from "./suite/publishing.ts";
import { services } from "./suite/services.ts";
import { signing } from "./suite/signing.ts";
import { Skip, type Suite, type SuiteContext, type SuiteOptions, type SuiteResult } from "./suite/support.ts";

export type { Library, SuiteOptions, SuiteResult } from "./suite/support.ts";

/** Every check, by its sentence. */
const CHECKS: Suite = {
  ...entries,
  ...signing,
  ...codecs,
  ...publishing,
  ...consuming,
  ...services,
  ...celery,
  ...aborts,
};

/** Seconds that one check may take. */
const LIMIT = 60;

/**
 * Runs every check, one after the other.
 *
 * @returns One result a check; the suite itself never throws.
 */
export async function runSuite(options: SuiteOptions): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  const run = crypto.randomUUID().slice(0, 8);
  let count = 0;
  const queues = new Set<string>();
  const context: SuiteContext = {
    ...options,
    unique(name) {
      const made = `${options.runtime.replace(/\W+/g, "-")}-${run}-${name}-${++count}`;
      queues.add(made);
      return made;
    },
    connectOptions: {
      region: "us-east-1",
      endpoint: options.endpoint,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret-of-the-suite" },
      waitTimeSeconds: 1,
    },
  };
  for (const [name, check] of Object.entries(CHECKS)) {
    if (!name.includes(options.filter ?? "")) continue;
    const began = Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took more than ${LIMIT} s`)), LIMIT * 1000);
    });
    const took = () => (Date.now() - began) / 1000;
    try {
      await Promise.race([check(context), late]);
      results.push({ name, status: "ok", seconds: took() });
    } catch (error) {
      const reason = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack ?? ""}` : String(error);
      const status = error instanceof Skip ? "skipped" : "failed";
      results.push({ name, status, seconds: took(), reason: error instanceof Skip ? error.message : reason });
    } finally {
      clearTimeout(timer);
    }
  }
  return results;
}
