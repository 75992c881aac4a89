/**
 * Makes an unsigned request a signed one.
 *
 * @module
 */
import { AwsV4Signer } from "aws4fetch";
import { remember } from "../broker.ts";
import { assertKeys, is, refuse } from "../check.ts";
import { ConfigError, CredentialsError } from "../errors.ts";
import type { AwsBody, AwsRequest, Credentials, Endpoints } from "../types.ts";
import { assertPlainUrl, endpointFor, regionFor, resolveUrl } from "./endpoint.ts";
import { signFast } from "./sign_fast.ts";

/** Options of {@linkcode sign}. */
export interface SignOptions {
  /** The keys to sign with. */
  readonly credentials: Credentials;
  /** The region to sign for; by default the queue URL's, then the environment's, then us-east-1. */
  readonly region?: string | undefined;
  /** Where the service is; by default the queue URL's host, then AWS's own for the region. */
  readonly endpoint?: Endpoints | undefined;
  /** The instant of the signature. Default: now. */
  readonly now?: Date | number | undefined;
  /** Allows plain http to public hosts. Default: false. */
  readonly allowInsecure?: boolean | undefined;
  /** Ends the request that is made. */
  readonly signal?: AbortSignal | undefined;
}

/** Derived signing keys, by credentials: those of keys that were rotated away are collected with them. */
const signingKeys = new WeakMap<Credentials, Map<string, ArrayBuffer>>();

/** The last signature of each receive: sent again within the second, it has the same. */
const signed = new WeakMap<
  AwsRequest<unknown, AwsBody>,
  { readonly by: string; readonly endpoint: Endpoints | undefined; readonly parts: SignedParts }
>();

/**
 * Signs a request with AWS Signature Version 4 and gives a standard `Request`, ready for `fetch`.
 *
 * @param request What a builder made.
 * @param options Keys, and where the request goes.
 * @returns The signed request. A signature is good for five minutes.
 * @throws {ConfigError} If there are no keys, the endpoint is no URL, the request would go to a host that it must not go to,
 * or the runtime lacks WebCrypto.
 * @throws {CredentialsError} If a key holds what no header can carry.
 * @see {@link https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { sign } from "@dashi/sqs";
 * import { receiveMessage } from "@dashi/sqs/sqs";
 *
 * const request = receiveMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
 * const signed = await sign(request, { credentials: { accessKeyId: "AKID", secretAccessKey: "secret" } });
 * assert.equal(signed.url, "https://sqs.eu-west-1.amazonaws.com/");
 * assert.match(signed.headers.get("authorization")!, /AKID\/\d+\/eu-west-1\/sqs\/aws4_request/);
 * ```
 */
export async function sign(
  request: AwsRequest<unknown, AwsBody>,
  options: SignOptions,
): Promise<Request> {
  is("object")("request", request);
  const { credentials, now = 0 } = options ?? {};
  assertKeys("credentials", credentials, ": ask a provider for its keys first");
  // A URL object would leave the request at AWS, as one without endpoints does.
  const endpoint = options.endpoint instanceof URL ? options.endpoint : endpointFor(request.service, options.endpoint);
  if (endpoint !== undefined) assertPlainUrl("endpoint", endpoint);
  if (Number.isNaN(+now)) refuse("now", "a Date, or milliseconds since 1970", now);
  const { url, init } = await signParts(request, options);
  return new Request(url, init);
}

interface SignedParts {
  readonly url: string;
  readonly init: RequestInit & { readonly headers: Readonly<Record<string, string>> };
}

/** URLs of requests without path, query and bucket, by what decides them: parsing costs a third of a signature. */
const urls = new Map<string, URL>();

function urlOf(request: AwsRequest<unknown, AwsBody>, region: string, options: SignOptions): URL {
  const { service, path, query, bucket, target } = request;
  const { endpoint, allowInsecure } = options;
  const key = [service, region, endpointFor(service, endpoint), target, allowInsecure].join(" ");
  const plain = path === "/" && !bucket && !Object.keys(query).length;
  let url = plain ? urls.get(key) : undefined;
  if (!url) {
    url = resolveUrl(request, region, endpoint, allowInsecure);
    if (plain) remember(urls, key, url);
  }
  return url;
}

/** The second that was last written as text, and that text: to write it for each request costs as much as a hash. */
let second: number | undefined;
let stamp: string;

function stampOf(now: number): string {
  const began = now - now % 1000;
  if (began !== second) {
    stamp = new Date(began).toISOString().replace(/[:-]|\.\d{3}/g, "");
    second = began;
  }
  return stamp;
}

/** Signs a request and gives the arguments of `fetch`: to make a `Request` of them costs as much as the signature. */
export async function signParts(request: AwsRequest<unknown, AwsBody>, options: SignOptions): Promise<SignedParts> {
  const { credentials, endpoint, now = Date.now(), signal } = options;
  // Read by name: spreading would miss the getters of a class.
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const datetime = stampOf(+now);
  // The keys themselves, not the object that holds them: some providers put new keys into the same one.
  const by = [datetime, accessKeyId, secretAccessKey, sessionToken, options.region, options.allowInsecure].join();
  const last = signed.get(request);
  if (last?.by === by && last.endpoint === endpoint) {
    return { ...last.parts, init: { ...last.parts.init, signal } };
  }
  const region = regionFor(options.region, request.target);
  const url = urlOf(request, region, options);
  if (!/^[!-~]+$/.test(accessKeyId + (sessionToken ?? ""))) {
    throw new CredentialsError("Cannot sign as the access key id or session token is not visible ASCII");
  }
  let cache = signingKeys.get(credentials);
  if (!cache) signingKeys.set(credentials, cache = new Map());
  if (cache.size > 50) cache.clear(); // a day, region and service each; they must not add up
  const { method, headers, service } = request;
  const body = request.body as BodyInit; // whose bytes must not be of shared memory: the types of most bytes don't say
  const plain = service !== "s3" && typeof body === "string" && url.pathname === "/" && !url.search;
  const fast = plain &&
    signFast({ method, host: url.host, headers, body, service, region, datetime, credentials, cache });
  if (!fast && !globalThis.crypto?.subtle) {
    throw new ConfigError("Cannot sign as this runtime has no crypto.subtle: in browsers only https pages have it");
  }
  const slow = () =>
    new AwsV4Signer({
      accessKeyId,
      secretAccessKey,
      sessionToken,
      url: url.href,
      method,
      headers,
      body: body instanceof ReadableStream ? undefined : body || undefined,
      service,
      region,
      cache,
      datetime,
      // AWS asks for the content type to be signed where there is one.
      allHeaders: true,
      // As SigV4 asks: S3's path is signed as it stands on the wire, every other service's is encoded once more.
      singleEncode: false,
    }).sign();
  const parts: SignedParts = {
    url: url.href,
    init: {
      method,
      headers: fast || Object.fromEntries((await slow()).headers),
      body: body || undefined,
      redirect: "manual",
      signal,
      ...(body instanceof ReadableStream ? { duplex: "half" } : undefined),
    },
  };
  // Only a receive is sent again within a second. To keep every request would cost more than it saves.
  if (request.action === "ReceiveMessage") signed.set(request, { by, endpoint, parts });
  return parts;
}
