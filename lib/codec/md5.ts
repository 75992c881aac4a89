/**
 * MD5, which SQS answers with and WebCrypto lacks. A checksum here, not a secret's keeper.
 *
 * @module
 */
import { nodeHash } from "../builtin.ts";
import { IntegrityError } from "../errors.ts";
import type { WireAttribute } from "../types.ts";
import { fromBase64, utf8Bytes } from "./base64.ts";

/**
 * The MD5 of text (as UTF-8) or bytes, in hex. Synchronous everywhere: `node:crypto` where there is one, else the code
 * below. That is our own as the usual package, `@noble/hashes`, weighs 2.0 KB gzipped, four times as much.
 *
 * @param data Text or bytes.
 * @returns 32 hexadecimal digits in lower case.
 */
export function md5Hex(data: string | Uint8Array): string {
  const hash = nodeHash();
  try {
    if (hash) return hash("md5", data);
  } catch {
    // Node in FIPS mode refuses MD5.
  }
  return portableMd5(typeof data === "string" ? utf8Bytes(data) : data);
}

let sines: Int32Array | undefined;

/**
 * The MD5 of bytes in plain JavaScript.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc1321}
 */
export function portableMd5(bytes: Uint8Array): string {
  const { length } = bytes;
  const padded = new Uint8Array((length + 72) & ~63);
  const view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[length] = 0x80;
  view.setBigUint64(padded.length - 8, 8n * BigInt(length), true);
  sines ??= Int32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32 | 0);
  const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  const steps = [1, 5, 3, 7];
  const starts = [0, 1, 5, 0];
  const [first, second] = [0x67452301, 0xefcdab89];
  const state = Int32Array.of(first, second, ~first, ~second);
  for (let block = 0; block < padded.length; block += 64) {
    let [a, b, c, d] = state;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const mix = round < 1 ? b & c | ~b & d : round < 2 ? d & b | ~d & c : round < 3 ? b ^ c ^ d : c ^ (b | ~d);
      const word = i * steps[round] + starts[round] & 15;
      const sum = a + mix + sines[i] + view.getInt32(block + word * 4, true) | 0;
      const shift = shifts[round * 4 + (i & 3)];
      a = d;
      d = c;
      c = b;
      b = b + (sum << shift | sum >>> 32 - shift) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }
  // All that runs JavaScript keeps the lowest byte first, as MD5 does.
  return Array.from(new Uint8Array(state.buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The MD5 of message attributes, over SQS's own layout: by name in order, each name, type and value with its length in
 * front, and a byte between type and value that tells text from bytes.
 *
 * @param wire The attributes as they are sent or came; all of them.
 * @returns 32 hexadecimal digits in lower case.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation}
 */
export function md5OfAttributes(wire: Readonly<Record<string, WireAttribute>>): string {
  const layout: number[] = [];
  const add = (part: Uint8Array) => {
    const { length } = part;
    layout.push(length >>> 24, length >>> 16, length >>> 8, length);
    for (const byte of part) layout.push(byte);
  };
  for (const name of Object.keys(wire).sort()) {
    const { DataType, StringValue = "", BinaryValue = "" } = wire[name];
    const binary = DataType.startsWith("B");
    add(utf8Bytes(name));
    add(utf8Bytes(DataType));
    layout.push(binary ? 2 : 1);
    add(binary ? fromBase64(BinaryValue) : utf8Bytes(StringValue));
  }
  return md5Hex(Uint8Array.from(layout));
}

/** SQS's checksums of a message: of one that was received, or of one that it took. */
export interface Sums {
  readonly MessageId: string;
  readonly MD5OfBody?: string | null | undefined;
  readonly MD5OfMessageBody?: string | null | undefined;
  readonly MD5OfMessageAttributes?: string | null | undefined;
}

/**
 * The error for a message that is not what was sent. A checksum that SQS did not give says nothing.
 *
 * @param queue Its queue's name.
 * @param body Its body.
 * @param attributes Its attributes; those that are not base64 have no checksum, and so none that fits.
 */
export function damageOf(
  sums: Sums,
  queue: string,
  body: string,
  attributes: Readonly<Record<string, WireAttribute>> | undefined,
): IntegrityError | undefined {
  const { MessageId, MD5OfBody, MD5OfMessageBody = MD5OfBody, MD5OfMessageAttributes } = sums;
  let what = "body is";
  if (!MD5OfMessageBody || MD5OfMessageBody === md5Hex(body)) {
    what = "attributes are";
    try {
      if (!MD5OfMessageAttributes || !attributes || MD5OfMessageAttributes === md5OfAttributes(attributes)) return;
    } catch {
      // Not base64.
    }
  }
  return new IntegrityError(
    `Cannot trust message ${MessageId} of '${queue}' as its ${what} not what was sent: look for what changes it on its way`,
  );
}
