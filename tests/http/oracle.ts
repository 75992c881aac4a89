import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { AwsBody, AwsRequest, Credentials } from "../../lib/types.ts";

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as string);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
  reset(): void {}
}

/** The `Authorization` header that AWS's own signer gives a request for `url`. */
export async function authorizationByAws(
  request: AwsRequest<unknown, AwsBody>,
  url: URL,
  options: { credentials: Credentials; region: string; now: number; path?: string },
): Promise<string> {
  const { credentials, region, now } = options;
  const signer = new SignatureV4({
    credentials,
    region,
    service: request.service,
    sha256: Sha256,
    uriEscapePath: request.service !== "s3",
    applyChecksum: false,
  });
  const signed = await signer.sign({
    method: request.method,
    protocol: url.protocol,
    hostname: url.hostname,
    port: url.port ? +url.port : undefined,
    path: options.path ?? url.pathname,
    query: { ...request.query },
    headers: { ...request.headers, host: url.host },
    body: request.body,
  }, { signingDate: new Date(now) });
  return signed.headers.authorization;
}

/** Runs `work` as in a runtime without `node:crypto`. */
export async function withoutNodeCrypto<T>(work: () => Promise<T>): Promise<T> {
  const own = Object.getOwnPropertyDescriptor(process, "getBuiltinModule");
  Object.defineProperty(process, "getBuiltinModule", { value: undefined, configurable: true, writable: true });
  try {
    return await work();
  } finally {
    if (own) Object.defineProperty(process, "getBuiltinModule", own);
    else delete (process as { getBuiltinModule?: unknown }).getBuiltinModule;
  }
}
