/**
 * An S3 in memory as a `fetch` function that takes nothing on trust: it verifies signatures, content hashes, checksums
 * and the sizes of parts with code of its own.
 *
 * @module
 */
import { createHash, createHmac } from "node:crypto";

const SECRET = "strict-secret";

/** The keys that it knows. */
export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET };

/** A request that arrived whole and well signed. */
export interface S3Call {
  readonly method: string;
  readonly url: URL;
  readonly bucket: string;
  readonly key: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly region: string;
}

/** An object that is kept. */
export interface StoredObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

const tables = new Map<number, Uint32Array>();

/** CRC-32C byte by byte: slow, and plainly right. */
export function slowCrc32c(bytes: Uint8Array, polynomial = 0x82f63b78): string {
  let table = tables.get(polynomial);
  if (!table) {
    table = new Uint32Array(256).map((_, byte) => {
      for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ polynomial : byte >>> 1;
      return byte;
    });
    tables.set(polynomial, table);
  }
  let crc = ~0;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]) & 255];
  const sum = ~crc >>> 0;
  return Buffer.from([sum >>> 24, sum >>> 16 & 255, sum >>> 8 & 255, sum & 255]).toString("base64");
}

/** Makes one. `fault` sees each request first and may answer it. */
export function strictS3(
  options: { fault?: (call: S3Call) => Response | undefined | Promise<Response | undefined>; sums?: boolean } = {},
) {
  const { sums = true } = options;
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, { at: string; headers: Record<string, string>; parts: Map<number, Uint8Array> }>();
  const calls: S3Call[] = [];
  const regions: Record<string, string> = {};
  let made = 0;

  const fetch = async (input: Request): Promise<Response> => {
    const request = new Request(input);
    const call = await receive(request);
    if (call instanceof Response) return call;
    calls.push(call);
    const answer = await options.fault?.(call);
    if (answer) return answer;
    const home = regions[call.bucket] ?? "eu-west-1";
    if (call.region !== home) {
      const headers = { "x-amz-bucket-region": home, location: "https://evil.example/" };
      return new Response(call.method === "HEAD" ? null : fault("PermanentRedirect"), { status: 301, headers });
    }
    return carryOut(call);
  };

  function carryOut(call: S3Call): Response {
    const { method, url, bucket, key, body } = call;
    const at = `${bucket}/${key}`;
    const query = url.searchParams;
    const crc = sums ? slowCrc32c(body) : call.headers.get("x-amz-checksum-crc32c");
    if (call.headers.has("x-amz-checksum-crc32c") && query.get("uploadId") === null) {
      if (call.headers.get("x-amz-checksum-crc32c") !== crc) return refused(400, "BadDigest");
    }
    const kept = Object.fromEntries(
      [...call.headers].filter(([name]) => /^(?:content-type|x-amz-(?:meta-.*|tagging|server-side.*))$/.test(name)),
    );
    if (method === "POST" && query.has("delete")) {
      for (const [, name] of new TextDecoder().decode(body).matchAll(/<Key>(.*?)<\/Key>/gs)) {
        objects.delete(`${bucket}/${name.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))}`);
      }
      return new Response("<DeleteResult/>");
    }
    if (method === "POST" && query.has("uploads")) {
      const id = `upload-${++made}`;
      uploads.set(id, { at, headers: kept, parts: new Map() });
      return new Response(
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const upload = uploads.get(query.get("uploadId") ?? "");
    if (query.has("uploadId") && upload?.at !== at) return refused(404, "NoSuchUpload");
    if (upload && method === "PUT") {
      if (call.headers.get("x-amz-checksum-crc32c") !== crc) return refused(400, "BadDigest");
      upload.parts.set(Number(query.get("partNumber")), body);
      return new Response(null, { headers: { etag: `"${createHash("md5").update(body).digest("hex")}"` } });
    }
    if (upload && method === "DELETE") {
      uploads.delete(query.get("uploadId")!);
      return new Response(null, { status: 204 });
    }
    if (upload && method === "POST") {
      const asked = [...new TextDecoder().decode(body).matchAll(/<PartNumber>(\d+)</g)].map(([, n]) => Number(n));
      const parts = asked.map((n) => upload.parts.get(n)!);
      if (parts.length !== upload.parts.size || parts.includes(undefined!)) return refused(400, "InvalidPart");
      if (parts.slice(0, -1).some((part) => part.length < 5 * 2 ** 20)) return refused(400, "EntityTooSmall");
      const bytes = new Uint8Array(Buffer.concat(parts));
      const whole = call.headers.get("x-amz-checksum-crc32c")!;
      if (sums && whole !== slowCrc32c(bytes)) return refused(400, "BadDigest");
      uploads.delete(query.get("uploadId")!);
      objects.set(at, { bytes, headers: { ...upload.headers, "x-amz-checksum-crc32c": whole } });
      return new Response("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>");
    }
    if (method === "PUT") {
      const headers = crc && call.headers.has("x-amz-checksum-crc32c")
        ? { ...kept, "x-amz-checksum-crc32c": crc }
        : kept;
      objects.set(at, { bytes: body, headers });
      return new Response(null, { headers: { etag: '"x"' } });
    }
    if (method === "DELETE") {
      objects.delete(at);
      return new Response(null, { status: 204 });
    }
    const object = objects.get(at);
    if (!object) return method === "HEAD" ? new Response(null, { status: 404 }) : refused(404, "NoSuchKey");
    const headers = { ...object.headers, etag: `"${object.bytes.length}"`, "content-length": `${object.bytes.length}` };
    return new Response(method === "HEAD" ? null : object.bytes, { headers });
  }

  return { fetch, objects, uploads, calls, regions };
}

const fault = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`;

/** An error answer as S3 gives it. */
export function refused(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(fault(code), { status, headers });
}

/** Verifies the signature over what arrived, and tells bucket and key apart. */
async function receive(request: Request): Promise<S3Call | Response> {
  const { method, headers } = request;
  const url = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  const [, date, region, signed, signature] =
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/(\d{8})\/([a-z0-9-]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/
      .exec(headers.get("authorization") ?? "") ?? [];
  if (!signature) return refused(403, "AccessDenied");
  const content = headers.get("x-amz-content-sha256");
  if (content !== "UNSIGNED-PAYLOAD" && body.length && content !== hex("sha256", body)) {
    return refused(400, "XAmzContentSHA256Mismatch");
  }
  const path = decodeURIComponent(url.pathname);
  const canonical = [
    method,
    encode(path).replaceAll("%2F", "/"),
    [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&"),
    ...signed.split(";").map((name) => `${name}:${name === "host" ? url.host : headers.get(name)!.trim()}`),
    "",
    signed,
    content,
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers.get("x-amz-date"), scope, hex("sha256", canonical)].join("\n");
  let key: Uint8Array | string = `AWS4${SECRET}`;
  for (const part of [date, region, "s3", "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  if (createHmac("sha256", key).update(text).digest("hex") !== signature) return refused(403, "SignatureDoesNotMatch");
  const virtual = /^([^.]+)\.s3\./.exec(url.hostname)?.[1];
  const [, first, rest] = virtual ? [, virtual, path.slice(1)] : /^\/([^/]*)\/?(.*)$/s.exec(path)!;
  return { method, url, bucket: first!, key: rest!, headers, body, region };
}

function hex(algorithm: string, data: string | Uint8Array): string {
  return createHash(algorithm).update(data).digest("hex");
}

function encode(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => {
    const sign = String.fromCharCode(byte);
    return /[A-Za-z0-9_.~-]/.test(sign) ? sign : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }).join("");
}
