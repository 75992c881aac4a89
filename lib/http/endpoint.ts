/**
 * Where a request goes and for which region it is signed.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";
import type { AwsBody, AwsRequest, Endpoints, Service } from "../types.ts";

/** The region that is used where nothing says another. */
export const DEFAULT_REGION = "us-east-1";

/** An AWS region's name, such as `eu-west-1` or `us-gov-west-1`. */
const REGION = /\b(?:[a-z]{2,4}(?:-[a-z]+)+-\d+)\b/;

/** The region that a queue URL or an ARN names, if it names one. */
export function regionIn(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (text.startsWith("arn:")) return text.split(":")[3] || undefined;
  const host = URL.canParse(text) ? new URL(text).hostname : "";
  if (!isAwsHost(host)) return undefined;
  // The first of AWS's queue URLs had no region in them: https://queue.amazonaws.com/…
  return REGION.exec(host)?.[0] ?? (host === "queue.amazonaws.com" ? DEFAULT_REGION : undefined);
}

/** The region that the environment names, read when the first request is made. */
export function environmentRegion(): string | undefined {
  return environment("AWS_REGION") || environment("AWS_DEFAULT_REGION");
}

/** Reads an environment variable where the runtime has them and lets us. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return process?.env?.[name];
  } catch {
    return undefined; // Deno without --allow-env
  }
}

/** The domain of a region's partition: China and the isolated regions have their own. */
export function partitionDomain(region: string): string {
  if (region.startsWith("cn-")) return "amazonaws.com.cn";
  if (region.startsWith("us-iso-")) return "c2s.ic.gov";
  if (region.startsWith("us-isob-")) return "sc2s.sgov.gov";
  if (region.startsWith("eusc-")) return "amazonaws.eu";
  return "amazonaws.com";
}

function isAwsHost(host: string): boolean {
  return /\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov)$/.test(host);
}

/** True for this machine, private networks, and names that only a private network resolves. */
export function isPrivateHost(host: string): boolean {
  return !host.includes(".") && !host.includes(":") ||
    /^(?:127|10)(?:\.\d+){3}$|^192\.168(?:\.\d+){2}$|^172\.(?:1[6-9]|2\d|3[01])(?:\.\d+){2}$|^169\.254(?:\.\d+){2}$/
      .test(host) ||
    /\.(?:localhost|local|internal|test)$/.test(host) ||
    /^\[(?:::1|f[cd][\da-f]*:.*|fe80:.*)\]$/.test(host);
}

/** The endpoint that the user gave for a service, if any. */
export function endpointFor(service: Service, endpoint: Endpoints | undefined): string | undefined {
  return typeof endpoint === "string" ? endpoint : endpoint?.[service];
}

/**
 * The full URL of a request: at the endpoint that was given; else at the host of the queue URL that it is about; else at
 * AWS's own for the region.
 *
 * @throws {ConfigError} If it would go over plain http to a public host, or to a queue URL's host that isn't AWS's.
 */
export function resolveUrl(
  request: AwsRequest<unknown, AwsBody>,
  region: string,
  endpoint?: Endpoints,
  allowInsecure = false,
): URL {
  const { service, bucket, target } = request;
  const given = endpointFor(service, endpoint);
  let { path } = request;
  let base: string;
  if (given) {
    base = given;
    if (bucket) path = `/${bucket}${path}`;
  } else if (bucket) {
    // A dot in the bucket's name would break the certificate's wildcard.
    const virtual = !bucket.includes(".");
    base = `https://${virtual ? bucket + "." : ""}s3.${region}.${partitionDomain(region)}`;
    if (!virtual) path = `/${bucket}${path}`;
  } else {
    base = target ? originOf(target) : `https://${service}.${region}.${partitionDomain(region)}`;
  }
  const prefix = given ? new URL(base).pathname.replace(/\/+$/, "") : "";
  const url = new URL(new URL(base).origin + prefix + path);
  for (const [name, value] of Object.entries(request.query)) url.searchParams.append(name, value);
  // SigV4 and S3 read a plus as itself, browsers' form encoding as a space.
  if (url.search) url.search = url.search.replaceAll("+", "%20");
  if (url.protocol === "http:" && !allowInsecure && !isPrivateHost(url.hostname)) {
    throw new ConfigError(
      `Cannot send a signed request to ${url.origin} as plain http to a public host shows it to everyone on the way: ` +
        "use https, or set http.allowInsecure",
    );
  }
  return url;
}

function originOf(queueUrl: string): string {
  const { origin, hostname } = new URL(queueUrl);
  if (!isAwsHost(hostname) && !isPrivateHost(hostname)) {
    throw new ConfigError(
      `Cannot send a signed request to ${origin} as a queue URL alone does not make its host one to trust: ` +
        "set 'endpoint' to that origin if it is right",
    );
  }
  return origin;
}
