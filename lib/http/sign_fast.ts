/**
 * Signature Version 4 at a third of the CPU, for the one shape that SQS, SNS and STS have: a text posted to `/`, without
 * a query. WebCrypto's five promises a signature cost more than all else that a request does.
 *
 * @module
 */
import type { Credentials, Service } from "../types.ts";

/**
 * What is used of `node:crypto`: Node 20.12, Deno and Bun have it. The classes beside it are streams, which cost more than
 * what they hash.
 */
interface NodeCrypto {
  hash?(algorithm: "sha256", data: string | Uint8Array): string;
  hash?(algorithm: "sha256", data: string | Uint8Array, encoding: "buffer"): Uint8Array;
}

/** What is signed. */
export interface FastRequest {
  readonly method: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly service: Service;
  readonly region: string;
  /** The instant, as `20150830T123600Z`. */
  readonly datetime: string;
  readonly credentials: Credentials;
  /** Signing keys that were derived before. */
  readonly cache: Map<string, ArrayBuffer>;
}

/** The signed headers, or undefined where the runtime has no `node:crypto` to be had at once. */
export function signFast(request: FastRequest): Record<string, string> | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): NodeCrypto | undefined } };
  const crypto = process?.getBuiltinModule?.("node:crypto");
  if (!crypto?.hash) return undefined;
  const { host, service, region, datetime, credentials, cache } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const hash = (data: string | Uint8Array) => crypto.hash!("sha256", data);
  const digest = (data: Uint8Array) => crypto.hash!("sha256", data, "buffer");
  // HMAC is the hash of this.
  const hmac = (key: Uint8Array, text: string) =>
    block(key, 0x5c, digest(block(key, 0x36, new TextEncoder().encode(text))));
  const headers: Record<string, string> = { ...request.headers, host, "x-amz-date": datetime };
  if (sessionToken) headers["x-amz-security-token"] = sessionToken;
  const sorted = Object.keys(headers).sort();
  const names = sorted.join(";");
  const lines = sorted.map((name) => `${name}:${headers[name].replace(/\s+/g, " ").trim()}\n`).join("");
  const canonical = [request.method, "/", "", lines, names, hash(request.body)].join("\n");
  delete headers.host; // fetch writes its own
  const scope = [datetime.slice(0, 8), region, service, "aws4_request"];
  const cacheKey = [secretAccessKey, ...scope.slice(0, 3)].join();
  let key = cache.get(cacheKey);
  if (!key) {
    const secret: Uint8Array = new TextEncoder().encode(`AWS4${secretAccessKey}`);
    const derived = scope.reduce((key, part) => digest(hmac(key, part)), secret.length > 64 ? digest(secret) : secret);
    cache.set(cacheKey, key = new Uint8Array(derived).buffer);
  }
  const text = ["AWS4-HMAC-SHA256", datetime, scope.join("/"), hash(canonical)].join("\n");
  const signature = hash(hmac(new Uint8Array(key), text));
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${
    scope.join("/")
  }, SignedHeaders=${names}, Signature=${signature}`;
  return headers;
}

/** A block of SHA-256 with a key in it, and what follows. */
function block(key: Uint8Array, mask: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(64 + data.length).fill(mask, 0, 64);
  for (let at = 0; at < key.length; at++) bytes[at] ^= key[at];
  bytes.set(data, 64);
  return bytes;
}
