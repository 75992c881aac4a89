/**
 * Where a request goes and for which region it is signed.
 *
 * @module
 */
import { assertOptions, refuse } from "../check.ts";
import { ConfigError } from "../errors.ts";
import type { AwsBody, AwsRequest, Endpoints, Service } from "../types.ts";

/** The region that is used where nothing says another. */
const DEFAULT_REGION = "us-east-1";

/** The domain of AWS's hosts, but for its other partitions. */
export const AMAZON = "amazonaws.com";

/** The domains of dual-stack hosts, of every partition. */
export const DUAL_STACK = ["api.aws", "api.amazonwebservices.com.cn", "api.amazonwebservices.eu"];

/** The domains of AWS's other partitions, by the part of a region's name that tells them. */
export const DOMAINS: Readonly<Record<string, string>> = {
  cn: "amazonaws.com.cn",
  eusc: "amazonaws.eu",
  iso: "c2s.ic.gov",
  isob: "sc2s.sgov.gov",
  isoe: "cloud.adc-e.uk",
  isof: "csp.hci.ic.gov",
};

/**
 * The region in a host of SQS, undefined for any other. AWS's domain alone says little: buckets and machines of anyone
 * have a name under it. The first queue URLs were `https://queue.amazonaws.com/…`, and
 * `https://eu-west-1.queue.amazonaws.com/…` after them; dual-stack hosts have domains of their own.
 */
function sqsRegion(host: string): string | undefined {
  const [, region, old = DEFAULT_REGION, domain] =
    /^(?:(?:vpce-[\w-]+\.)?sqs(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d+)(?:\.vpce)?|(?:([a-z]{2,4}(?:-[a-z]+)+-\d+)\.)?queue)\.(.*)$/
      .exec(host) ?? [];
  const known = [AMAZON, ...DUAL_STACK, ...Object.values(DOMAINS)];
  return known.includes(domain) ? region ?? old : undefined;
}

/** The region that a queue URL or an ARN names, if it names one. */
export function regionIn(text: string | undefined): string | undefined {
  if (text?.startsWith("arn:")) return text.split(":")[3] || undefined;
  return text && URL.canParse(text) ? sqsRegion(new URL(text).hostname) : undefined;
}

/**
 * The region of a request: its own; the queue URL's, as AWS's host for a queue takes no other; the broker's; the
 * environment's, read at each request; or the default.
 */
export function regionFor(own: string | undefined, target?: string, brokers?: string): string {
  return own ?? regionIn(target) ?? brokers ??
    (environment("AWS_REGION") || environment("AWS_DEFAULT_REGION") || DEFAULT_REGION);
}

/** Reads an environment variable where the runtime has them and lets us. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as unknown as { process: { env: Record<string, string | undefined> } };
  try {
    return process.env[name];
  } catch {
    return undefined; // Deno without --allow-env, or a runtime without process, such as a browser
  }
}

/** The domain of a region's partition: China, Europe's own and the isolated regions have theirs. */
function partitionDomain(region: string): string {
  const part = region.split("-").find((part) => Object.hasOwn(DOMAINS, part));
  return part ? DOMAINS[part] : AMAZON;
}

/** True for this machine, private networks, and names that only a private network resolves. */
export function isPrivateHost(host: string): boolean {
  return /^[^.:]*$|^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d+){2,3}$|^0\.0\.0\.0$|\.(?:localhost|local|internal|test)$|^\[(?:::1|f[cd][\da-f]*:.*|fe80:.*)\]$/
    .test(host);
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
  // Checked here, too: it may come from an ARN that someone else wrote, and becomes part of the host.
  assertRegion("region", region);
  const given = endpointFor(service, endpoint);
  const amazon = `${region}.${partitionDomain(region)}`;
  // A dot in the bucket's name would break the certificate's wildcard; old names may hold what a host may not.
  const virtual = !given && bucket && /^[a-z\d-]+$/.test(bucket);
  const { protocol, host, hostname, pathname } = new URL(
    given ??
      (bucket
        ? `https://${virtual ? bucket + "." : ""}s3.${amazon}`
        : target && !target.startsWith("arn:")
        ? originOf(target)
        : `https://${service}.${amazon}`),
  );
  const path = pathname.replace(/\/+$/, "") + (bucket && !virtual ? `/${bucket}` : "") + request.path;
  const url = new URL(`${protocol}//${host}${path}`);
  // A path that URL parsing rewrites is not the one that was meant; for S3 it is another object.
  if (url.pathname !== path) refuse("path", "percent-encoded, without . and .. segments", path);
  for (const [name, value] of Object.entries(request.query)) url.searchParams.append(name, value);
  // SigV4 and S3 read a plus as itself, browsers' form encoding as a space.
  if (url.search) url.search = url.search.replaceAll("+", "%20");
  if (protocol === "http:" && !allowInsecure && !isPrivateHost(hostname)) {
    throw new ConfigError(
      `Cannot send to ${url.origin} by plain http to a public host: use https, or set http.allowInsecure`,
    );
  }
  return url;
}

/** Throws unless it can be a region, which becomes part of a host. */
export function assertRegion(path: string, region: unknown): void {
  if (typeof region !== "string" || !/^[a-z\d-]{1,63}$/.test(region)) {
    refuse(path, "a region such as eu-west-1", region);
  }
}

/**
 * Throws unless it is a URL without user and password: those would end up in requests, events and logs.
 *
 * @throws {ConfigError} If it is not. The message does not show them.
 */
export function assertPlainUrl(path: string, url: unknown): void {
  if (typeof url === "string" && /^https?:/i.test(url) && URL.canParse(url)) {
    const { username, password } = new URL(url);
    if (!username && !password) return;
  }
  refuse(path, "an http or https URL without a user", url);
}

/**
 * Throws unless it is an endpoint: one for every service, or one for each.
 *
 * @throws {ConfigError} If it is not. The message shows no user and password.
 */
export function assertEndpoint(path: string, endpoint: unknown): void {
  if (typeof endpoint !== "object") return assertPlainUrl(path, endpoint);
  // A URL object would pass as a record without endpoints, and requests would go to AWS.
  if (endpoint instanceof URL) refuse(path, "a URL as text", endpoint);
  const url = assertPlainUrl;
  assertOptions(path, endpoint as Exclude<Endpoints, string>, { sqs: url, sns: url, s3: url, sts: url });
}

function originOf(queueUrl: string): string {
  assertPlainUrl("queueUrl", queueUrl);
  const { origin, host, hostname } = new URL(queueUrl);
  // AWS once gave queue URLs with http: its hosts are always asked over https.
  if (sqsRegion(hostname)) return `https://${host}`;
  if (isPrivateHost(hostname)) return origin;
  throw new ConfigError(
    `Cannot send to ${origin} as only a queue URL names it: set 'endpoint' to it if it is right`,
  );
}
