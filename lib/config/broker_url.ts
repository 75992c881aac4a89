import { ConfigError } from "../errors.ts";
import { AMAZON, DOMAINS, DUAL_STACK } from "../http/endpoint.ts";
import type { Endpoints } from "../types.ts";
import { halves, type KeyPair } from "./keys.ts";

/** What a broker URL says. */
export interface BrokerUrl {
  /** The URL's keys; undefined for none. */
  readonly keys?: KeyPair;
  /** Where the services are; undefined for AWS's own. */
  readonly endpoint?: Endpoints;
  /** The region that the host names, if it is one of AWS's. */
  readonly region?: string;
}

/**
 * Reads `sqs://KEY:SECRET@HOST:PORT` as kombu does: everything but the scheme may be left out, keys and host are
 * percent-decoded, a path is ignored. The host is reached over http unless `is_secure` is set; AWS's own always over
 * https.
 *
 * @param url The broker URL.
 * @param secure kombu's `is_secure`.
 * @throws {ConfigError} If it can't be read. The message never repeats it.
 */
export function readBrokerUrl(url: unknown, secure: boolean): BrokerUrl {
  // As Python does: the file or variable that it comes from may end with a line's end.
  const text = typeof url === "string" ? url.replace(/[\t\r\n]/g, "") : "";
  const [, authority, rest] = /^sqs:\/\/([^/?#]*)(.*)$/is.exec(text) ??
    wrong("it must be text like sqs://KEY:SECRET@HOST:PORT, each part optional");
  // A list of brokers to fail over to: there is one SQS.
  if (/;\w+:\/\//.test(text)) wrong("it is a list: give the one that counts");
  if (rest.includes("@")) {
    wrong("a / ? or # stands before its @: the keys must be percent-encoded, / as %2F");
  }
  if (rest.includes("?")) wrong("it has a query, which kombu refuses too: give options as transport options");
  const at = authority.lastIndexOf("@");
  const [key, ...secret] = authority.slice(0, Math.max(at, 0)).split(":");
  const keys = halves("brokerUrl", decode(key), decode(secret.join(":")));
  const host = decode(authority.slice(at + 1)).toLowerCase().replace(/:0*$/, "");
  if (!host) return { keys };
  const name = host.replace(/:\d+$/, "");
  const domains = [AMAZON, ...DUAL_STACK, ...Object.values(DOMAINS)];
  const aws = domains.some((domain) => name.endsWith(`.${domain}`));
  const origin = `${secure || aws ? "https" : "http"}://${host}`;
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/.test(host) || !URL.canParse(origin)) {
    wrong("what follows its @ is not HOST or HOST:PORT");
  }
  // AWS's hosts serve one service each, an emulator's all of them.
  return aws
    ? { keys, endpoint: { sqs: origin }, region: /\b[a-z]{2,4}(?:-[a-z]+)+-\d\b/.exec(host)?.[0] }
    : { keys, endpoint: origin };
}

function wrong(why: string): never {
  throw new ConfigError(`Cannot use 'brokerUrl' as ${why}`);
}

/** Undoes percent-encoding; what is none stays as it is, as in Python. */
function decode(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (escapes) => {
    const bytes = Uint8Array.from(escapes.slice(1).split("%"), (hex) => parseInt(hex, 16));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  });
}
