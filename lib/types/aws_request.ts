/**
 * A request to AWS as data, with the parser of its answer.
 *
 * @module
 */

/** The AWS services that this library speaks to. */
export type Service = "sqs" | "sns" | "sts" | "s3";

/** One endpoint for every service, or one for each. A service without one uses AWS's own. */
export type Endpoints = string | Readonly<Partial<Record<Service, string | undefined>>>;

/** What a request's body may be. */
export type AwsBody = string | Uint8Array | ReadableStream<Uint8Array>;

/** An unsigned request to AWS as plain data, with the parser of its answer beside it. */
export interface AwsRequest<Output, Body extends AwsBody = string> {
  /** The service that is asked. */
  readonly service: Service;
  /** The API action, such as `ReceiveMessage`. */
  readonly action: string;
  /** The HTTP method. */
  readonly method: string;
  /** The path, percent-encoded, beginning with `/`. */
  readonly path: string;
  /** The query's parameters, not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** The headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body; the empty string for none. */
  readonly body: Body;
  /**
   * The queue that the request is about, by its URL or ARN: the region in it counts where the caller gives none, the URL's
   * host where there is no endpoint.
   */
  readonly target?: string;
  /** The S3 bucket, which goes into the host at AWS and into the path at a given endpoint. */
  readonly bucket?: string;
  /** Seconds that the service may wait before it answers, added to the deadline: the wait of a long poll. */
  readonly wait?: number;
  /**
   * Reads the answer.
   *
   * @throws {AwsError} If the answer is an error, or not what the action answers.
   */
  parse(response: Response): Promise<Output>;
}
