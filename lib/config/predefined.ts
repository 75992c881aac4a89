import type * as v from "valibot";
import { refuse } from "../check.ts";
import { staticCredentials } from "../credentials/static_credentials.ts";
import { ConfigError, InvalidQueueError } from "../errors.ts";
import type { PredefinedTopic } from "../fanout/topic.ts";
import type { CredentialProvider, PredefinedQueue } from "../types.ts";
import { halves, type KeyPair } from "./keys.ts";
import { refuseUnknown } from "./refuse_unknown.ts";
import type { Exchange, Queue } from "./shape.ts";

/** Where an entry's keys come from: a role, which wins as in kombu; its own keys; or the URL's. */
export interface KeySources {
  readonly role?: CredentialProvider;
  readonly urlKeys?: KeyPair;
}

/**
 * Makes `predefined_queues` ours.
 *
 * @throws {InvalidQueueError} If a queue's name and URL disagree about FIFO.
 * @throws {ConfigError} If an option of a queue is unknown or wrong.
 */
export function readQueues(
  queues: Readonly<Record<string, v.InferOutput<typeof Queue>>>,
  path: string,
  sources: KeySources,
): Record<string, PredefinedQueue> {
  return entriesOf(queues, ([name, queue]) => {
    const { url, region, backoff_policy, backoff_tasks } = queue;
    const at = `${path}.${name}`;
    if (!url) refuse(`${at}.url`, "the queue's URL", url);
    if (url.endsWith(".fifo") !== name.endsWith(".fifo")) {
      throw new InvalidQueueError(`Cannot use '${at}' as its name and its url must both end in .fifo, or neither`);
    }
    for (const count of Object.keys(backoff_policy ?? {})) {
      if (!/^[1-9]\d*$/.test(count)) refuse(`${at}.backoff_policy.${count}`, "by receive count, 1 or more", count);
    }
    return {
      url,
      region: region || undefined,
      credentials: keysOf(queue, at, sources),
      backoffPolicy: backoff_policy ?? undefined,
      // kombu applies a policy to the tasks that are named, and to no others.
      backoffTasks: backoff_tasks ?? (backoff_policy ? [] : undefined),
    };
  });
}

/**
 * Makes `predefined_exchanges` ours.
 *
 * @throws {ConfigError} If an option of an exchange is unknown or wrong.
 */
export function readExchanges(
  exchanges: Readonly<Record<string, v.InferOutput<typeof Exchange>>>,
  path: string,
  sources: KeySources,
): Record<string, PredefinedTopic> {
  return entriesOf(exchanges, ([name, exchange]) => {
    const { arn, region } = exchange;
    const at = `${path}.${name}`;
    if (!arn) refuse(`${at}.arn`, "the ARN of an SNS topic", arn);
    return { arn, region: region || undefined, credentials: keysOf(exchange, at, sources) };
  });
}

/** Throws for an option of an entry that is unknown. */
export function assertEntries(path: string, entries: unknown, schema: typeof Queue | typeof Exchange): void {
  for (const [name, entry] of Object.entries(entries ?? {})) {
    if (typeof entry === "object" && entry) refuseUnknown(`${path}.${name}`, entry, Object.keys(schema.entries));
  }
}

function keysOf(
  entry: Pick<v.InferOutput<typeof Queue>, "access_key_id" | "secret_access_key" | "session_token">,
  path: string,
  { role, urlKeys }: KeySources,
): CredentialProvider | undefined {
  if (role) return role;
  const { access_key_id, secret_access_key, session_token } = entry;
  const own = halves(path, access_key_id, secret_access_key);
  if (!session_token) return own && staticCredentials(own);
  const keys = own ?? urlKeys;
  if (!keys) throw new ConfigError(`Cannot use '${path}.session_token' as there are no keys that it belongs to`);
  return staticCredentials({ ...keys, sessionToken: session_token });
}

function entriesOf<A, B>(record: Readonly<Record<string, A>>, read: (entry: [string, A]) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map((entry) => [entry[0], read(entry)]));
}
