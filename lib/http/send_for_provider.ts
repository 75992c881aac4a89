/**
 * Sends what a credential provider asks of AWS. There is no broker at that place, only what it tells its provider.
 *
 * @module
 */
import { keepState } from "../broker.ts";
import * as DEFAULTS from "../defaults.ts";
import type { AwsRequest, Broker, CredentialContext, CredentialProvider, Credentials, Fetch } from "../types.ts";
import { send } from "./send.ts";

/**
 * Signs and sends a request for a provider, under the rules of `send`: a deadline and a signature of its own for each
 * try, jittered waits, a clock put right once, expired keys asked for anew once, events.
 *
 * @param context What the provider was told.
 * @param request What a builder made.
 * @param options The keys that sign it, and its region.
 */
export function sendForProvider<Output>(
  context: CredentialContext,
  request: AwsRequest<Output>,
  options: { readonly credentials: Credentials | CredentialProvider; readonly region: string },
): Promise<Output> {
  return send(brokerOf(context, options.credentials, options.region, context.fetch), request);
}

/**
 * Sends a request that needs no signature, under the same rules: the only proof is a secret in its body.
 *
 * @param context What the provider was told.
 * @param request What a builder made.
 * @param options Its region, and the secret in its body, which no error will show.
 */
export function sendUnsigned<Output>(
  context: CredentialContext,
  request: AwsRequest<Output>,
  options: { readonly region: string; readonly secret: string },
): Promise<Output> {
  // `send` signs all it sends. A signature by nobody's key would be refused, so it is taken off on the way out.
  const nobody: Credentials = { accessKeyId: "unsigned", secretAccessKey: options.secret };
  const fetch: Fetch = (signed, init) => {
    const bare = new Request(signed);
    for (const name of ["authorization", "x-amz-date", "x-amz-security-token"]) bare.headers.delete(name);
    return context.fetch(bare, init);
  };
  return send(brokerOf(context, nobody, options.region, fetch), request);
}

/** A broker for one request. */
function brokerOf(
  { endpoint, clock, random = Math.random, emit = () => {} }: CredentialContext,
  credentials: Credentials | CredentialProvider,
  region: string,
  fetch: Fetch,
): Broker {
  const broker: Broker = Object.freeze({ queueNamePrefix: "", requests: 0 });
  keepState(broker, {
    options: { region, http: { fetch }, onEvent: emit },
    endpoint,
    credentials,
    fetch,
    clock,
    random,
    requestTimeout: DEFAULTS.requestTimeout,
    maxAttempts: DEFAULTS.maxAttempts,
    allowInsecure: false,
    emit,
    requests: 0,
    clockOffset: 0,
    queues: new Map(),
    attributes: new Map(),
    settled: new Map(),
    pending: new Map(),
    topology: { exchanges: {}, bindings: [] },
  });
  return broker;
}
