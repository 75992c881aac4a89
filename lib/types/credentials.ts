/**
 * Keys, and where they come from.
 *
 * @module
 */
import type { DashiEvent } from "../events.ts";
import type { Endpoints } from "./aws_request.ts";
import type { Clock, Fetch } from "./runtime.ts";

/** Keys that sign requests. No error, event or log shows them. */
export interface Credentials {
  /** The access key id, such as `AKIAIOSFODNN7EXAMPLE`. */
  readonly accessKeyId: string;
  /** The secret access key. */
  readonly secretAccessKey: string;
  /** The session token of temporary keys. */
  readonly sessionToken?: string | undefined;
  /** When temporary keys end; unset for long-lived ones. */
  readonly expiration?: Date | undefined;
}

/** What a {@linkcode CredentialProvider} is told about the broker that asks. */
export interface CredentialContext {
  /** The broker's region, for providers that call a regional service; the request's where the broker has none. */
  readonly region: string;
  /** The broker's `endpoint` option, if one was given. */
  readonly endpoint?: Endpoints | undefined;
  /** The broker's `http.fetch`. */
  readonly fetch: Fetch;
  /** The broker's clock. */
  readonly clock: Clock;
  /** The broker's source of randomness, from 0 up to 1; `Math.random` where it is left out. */
  readonly random?: (() => number) | undefined;
  /** Ends the waiting of the request that asks; it must not end a refresh that others share. */
  readonly signal?: AbortSignal | undefined;
  /** The keys that AWS just refused as expired: a provider that caches must not give these again. */
  readonly rejected?: Credentials | undefined;
  /** Reports to the broker's `onEvent`; left out, nobody hears it. */
  readonly emit?: ((event: DashiEvent) => void) | undefined;
}

/**
 * A function that gives the keys for a request. It is called before each signature, so it must keep the keys itself. If
 * it has not answered after six times `http.requestTimeout`, the request fails, and a consumer asks again. What it throws
 * is thrown by the function that needed the keys; a consumer that has reached its queue before asks again instead.
 *
 * @example One that keeps the keys of a secret store
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, type CredentialProvider, type Credentials, declareQueue, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * function fromStore(load: () => Promise<Credentials & { expiration: Date }>): CredentialProvider {
 *   let kept: Awaited<ReturnType<typeof load>> | undefined;
 *   return async ({ clock, rejected }) => {
 *     const ends = !kept || kept.sessionToken === rejected?.sessionToken || +kept.expiration - 60_000 < +clock.now();
 *     return ends ? kept = await load() : kept!;
 *   };
 * }
 *
 * const { clock, connectOptions } = memorySqs();
 * let asked = 0;
 * const credentials = fromStore(() => { // fetch("https://secrets.internal/sqs"), say
 *   const expiration = new Date(+clock.now() + 3_600_000);
 *   return Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "…", sessionToken: `${++asked}`, expiration });
 * });
 * const broker = connect({ ...connectOptions, credentials });
 * await declareQueue(broker, "orders");
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * assert.equal(asked, 1);
 * await clock.advance(3600);
 * await publish(broker, { id: 2 }, { queue: "orders" });
 * assert.equal(asked, 2);
 * ```
 */
export type CredentialProvider = (context: CredentialContext) => Promise<Credentials>;
