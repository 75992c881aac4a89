/**
 * Signature Version 4 at a third of the CPU, for the one shape that SQS, SNS and STS have: a text posted to `/`, without
 * a query. WebCrypto's five promises a signature cost more than all else that a request does.
 *
 * @module
 */
import type { Credentials, Service } from "../types.ts";

interface Digest {
  update(data: string): Digest;
  digest(): Uint8Array<ArrayBuffer>;
  digest(encoding: "hex"): string;
}
interface NodeCrypto {
  createHash(algorithm: "sha256"): Digest;
  createHmac(algorithm: "sha256", key: string | Uint8Array | ArrayBuffer): Digest;
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
  if (!crypto?.createHmac) return undefined;
  const { host, service, region, datetime, credentials, cache } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const hash = (text: string) => crypto.createHash("sha256").update(text).digest("hex");
  const hmac = (key: string | Uint8Array | ArrayBuffer, text: string) => crypto.createHmac("sha256", key).update(text);
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
    const derived = scope.reduce<string | Uint8Array>(
      (key, part) => hmac(key, part).digest(),
      `AWS4${secretAccessKey}`,
    );
    cache.set(cacheKey, key = new Uint8Array(derived as Uint8Array).buffer);
  }
  const signature = hmac(key, ["AWS4-HMAC-SHA256", datetime, scope.join("/"), hash(canonical)].join("\n")).digest(
    "hex",
  );
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${
    scope.join("/")
  }, SignedHeaders=${names}, Signature=${signature}`;
  return headers;
}
