/**
 * Asks the metadata services that stand beside a machine or a container: near, quick, unsigned, and not to be trusted
 * with more than they need.
 *
 * @module
 */
import * as v from "valibot";
import { pause } from "../broker.ts";
import { CredentialsError } from "../errors.ts";
import { lapse } from "../http/lapse.ts";
import { readText } from "../http/read_text.ts";
import { backoffSeconds } from "../http/retryable.ts";
import type { CredentialContext, Credentials } from "../types.ts";

/** Seconds for one try. Such a service is on this machine or next to it: one that takes longer is not there. */
const TIMEOUT = 1;
const ATTEMPTS = 3;
/** The most characters of an answer: keys take about 2,000. */
const MAX_LENGTH = 65_536;

/** A question to a metadata service. */
export interface MetadataRequest {
  readonly url: string;
  readonly method?: "GET" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  /** What is asked, for errors: `instance metadata`. */
  readonly what: string;
  /** What to do if nobody answers. */
  readonly advice?: string;
}

/** Asks, a few times if it must; redirects are not followed, and no error repeats the answer. */
export async function askMetadata(context: CredentialContext, asked: MetadataRequest): Promise<string> {
  for (let attempt = 1;; attempt++) {
    const { status, text } = await askOnce(context, asked);
    if (status === 200 && text !== undefined) return text;
    if (attempt === ATTEMPTS || (status && status < 500 && status !== 429)) {
      const why = !status ? `no answer within ${TIMEOUT} s` : status === 200 ? "half an answer" : `status ${status}`;
      const advice = asked.advice && !status ? `: ${asked.advice}` : "";
      throw new CredentialsError(`Cannot get keys from ${asked.what} as there was ${why}${advice}`);
    }
    await pause(context.clock, backoffSeconds(attempt, context.random ?? Math.random));
  }
}

async function askOnce(
  { fetch, clock }: CredentialContext,
  { url, method = "GET", headers }: MetadataRequest,
): Promise<{ status: number; text?: string }> {
  const over = new AbortController();
  const controller = new AbortController();
  let status = 0;
  const answer = async () => {
    const request = new Request(url, { method, headers, redirect: "manual", signal: controller.signal });
    const response = await fetch(request);
    const text = await readText(response, MAX_LENGTH);
    status = response.status;
    return text;
  };
  const deadline = lapse(clock, TIMEOUT, over.signal).then(() => undefined);
  try {
    return { text: await Promise.race([answer().catch(() => undefined), deadline]), status };
  } finally {
    over.abort();
    controller.abort();
  }
}

const text = /* @__PURE__ */ (() => v.pipe(v.string(), v.nonEmpty()))();
const Keys = /* @__PURE__ */ (() =>
  v.object({
    AccessKeyId: text,
    SecretAccessKey: text,
    Token: v.optional(text),
    Expiration: v.optional(
      v.pipe(v.string(), v.transform((at) => new Date(at)), v.check((at) => !Number.isNaN(+at))),
    ),
  }))();

/** Reads the JSON that both services give keys in. */
export function keysIn(json: string, what: string): Credentials {
  let answer: unknown;
  try {
    answer = JSON.parse(json);
  } catch {
    throw new CredentialsError(`Cannot get keys from ${what} as it did not answer with JSON`);
  }
  const checked = v.safeParse(Keys, answer);
  if (!checked.success) {
    const path = v.getDotPath(checked.issues[0]) ?? "";
    throw new CredentialsError(`Cannot get keys from ${what} as the '${path}' of its answer is missing or wrong`);
  }
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = checked.output;
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token, expiration: Expiration };
}
