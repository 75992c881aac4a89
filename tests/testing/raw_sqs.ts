/** An action that failed. */
export interface Refused {
  readonly code: string;
  readonly queryCode: string;
  readonly message: string;
  readonly status: number;
}

/** The JSON output of an action. */
export type Output = Record<string, any>;

/** Speaks SQS's JSON protocol without the library. */
export function rawSqs(
  fetch: (request: Request) => Promise<Response>,
  endpoint = "https://sqs.us-east-1.amazonaws.com/",
) {
  async function post(action: string, input: object, signal?: AbortSignal): Promise<Response> {
    return await fetch(
      new Request(endpoint, {
        method: "POST",
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "x-amz-target": `AmazonSQS.${action}`,
          authorization:
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20300101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
        },
        body: JSON.stringify(input),
        signal,
      }),
    );
  }

  /** What an action gives, or how it is refused. */
  async function attempt(action: string, input: object, signal?: AbortSignal): Promise<Output | { refused: Refused }> {
    const response = await post(action, input, signal);
    const output = await response.json();
    if (response.ok) return output;
    return {
      refused: {
        code: String(output.__type).replace(/^.*#/, ""),
        queryCode: (response.headers.get("x-amzn-query-error") ?? "").replace(/;.*$/, ""),
        message: output.message,
        status: response.status,
      },
    };
  }

  /** What an action gives. */
  async function call(action: string, input: object, signal?: AbortSignal): Promise<Output> {
    const output = await attempt(action, input, signal);
    if ("refused" in output) throw new Error(`${action}: ${output.refused.code}: ${output.refused.message}`);
    return output;
  }

  /** How an action is refused. */
  async function refusal(action: string, input: object): Promise<Refused> {
    const output = await attempt(action, input);
    if (!("refused" in output)) throw new Error(`${action} was not refused`);
    return output.refused as Refused;
  }

  return { post, attempt, call, refusal };
}
