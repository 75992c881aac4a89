/**
 * Signature Version 4 at a third of the CPU, for the one shape that SQS, SNS and STS have: a text posted to `/`, without
 * a query. WebCrypto's five promises a signature cost more than all else that a request does.
 *
 * @module
 */
import { nodeHash } from "../builtin.ts";
import type { Credentials, Service } from "../types.ts";

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
  const digest = nodeHash();
  if (!digest) return undefined;
  const { host, service, region, datetime, credentials, cache } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const hash = (data: string | Uint8Array) => digest("sha256", data);
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
    const bytes = (hex: string) => unhex(hex, new Uint8Array(32), 0);
    const first = secret.length > 64 ? bytes(hash(secret)) : secret;
    cache.set(cacheKey, key = scope.reduce((key, part) => bytes(hmac(hash, key, part)), first).buffer as ArrayBuffer);
  }
  const text = ["AWS4-HMAC-SHA256", datetime, scope.join("/"), hash(canonical)].join("\n");
  const signature = hmac(hash, new Uint8Array(key), text);
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${
    scope.join("/")
  }, SignedHeaders=${names}, Signature=${signature}`;
  return headers;
}

/**
 * Where HMAC's input is put together, again and again: a new buffer costs as much as the hash of what is in it. Twice the
 * room of the longest there is, with a region of 63 letters.
 */
const room: Uint8Array = /* @__PURE__ */ new Uint8Array(512);

/** HMAC in hex: the hash of a block with the key in it, and of the hash of another such block and the text. */
function hmac(hash: (data: Uint8Array) => string, key: Uint8Array, text: string): string {
  const block = (mask: number) => {
    room.fill(mask, 0, 64);
    for (let at = 0; at < key.length; at++) room[at] ^= key[at];
  };
  block(0x36);
  const { written } = new TextEncoder().encodeInto(text, room.subarray(64));
  const inner = hash(room.subarray(0, 64 + written));
  block(0x5c);
  unhex(inner, room, 64);
  return hash(room.subarray(0, 96));
}

/** Writes hex as bytes. */
function unhex(hex: string, into: Uint8Array, from: number): Uint8Array {
  const digit = (unit: number) => unit - (unit > 57 ? 87 : 48);
  for (let at = 0; at < hex.length; at += 2) {
    into[from + at / 2] = digit(hex.charCodeAt(at)) << 4 | digit(hex.charCodeAt(at + 1));
  }
  return into;
}
