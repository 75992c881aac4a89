/**
 * Starts an example of examples/workers in workerd, as its `wrangler.jsonc` says.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { Miniflare } from "miniflare";
import { bundle } from "../bundle.ts";

/** The part of a `wrangler.jsonc` that the examples use. */
interface Wrangler {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly vars?: Readonly<Record<string, string | number>>;
  readonly durable_objects?: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
  readonly queues?: {
    readonly producers: readonly { readonly binding: string; readonly queue: string }[];
    readonly consumers: readonly {
      readonly queue: string;
      readonly max_batch_size?: number;
      readonly max_batch_timeout?: number;
    }[];
  };
}

/** How an example is started. */
export interface ExampleOptions {
  /** The server of SQS. */
  readonly endpoint: string;
  /** Variables that are others than in `wrangler.jsonc`. */
  readonly vars?: Readonly<Record<string, string | number>>;
  /** Where Durable Objects are kept, to be found again. */
  readonly persist?: string;
  /** Cloudflare queues of other names than in `wrangler.jsonc`. */
  readonly queues?: Readonly<Record<string, string>>;
}

/** Starts an example: `cron_drain`, say. Dispose of what it gives. */
export async function startExample(name: string, options: ExampleOptions): Promise<Miniflare> {
  const folder = new URL(`../../../examples/workers/${name}/`, import.meta.url);
  const text = readFileSync(new URL("wrangler.jsonc", folder), "utf8");
  const config: Wrangler = JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
  const [script] = await bundle(new URL(config.main, folder));
  const { producers = [], consumers = [] } = config.queues ?? {};
  const queue = (name: string) => options.queues?.[name] ?? name;
  const miniflare = new Miniflare({
    name: config.name,
    modules: true,
    script,
    compatibilityDate: config.compatibility_date,
    bindings: {
      ...config.vars,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "a-secret-of-the-examples",
      SQS_ENDPOINT: options.endpoint,
      ...options.vars,
    },
    durableObjects: Object.fromEntries(
      (config.durable_objects?.bindings ?? []).map((bound) => [
        bound.name,
        { className: bound.class_name, useSQLite: true },
      ]),
    ),
    durableObjectsPersist: options.persist,
    queueProducers: Object.fromEntries(producers.map(({ binding, queue: to }) => [binding, queue(to)])),
    queueConsumers: Object.fromEntries(consumers.map((consumer) => [
      queue(consumer.queue),
      { maxBatchSize: consumer.max_batch_size, maxBatchTimeout: consumer.max_batch_timeout },
    ])),
  });
  await miniflare.ready;
  return miniflare;
}

/** Fires a cron trigger, and gives its outcome: `ok`, or else. */
export async function trigger(miniflare: Miniflare, cron: string): Promise<string> {
  const worker: unknown = await miniflare.getWorker();
  return (await (worker as { scheduled(event: object): Promise<{ outcome: string }> }).scheduled({ cron })).outcome;
}
