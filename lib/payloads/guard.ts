import { type BrokerState, nowOf, pause } from "../broker.ts";
import { AwsError } from "../errors.ts";

/**
 * Bounds each wait for bytes, which a dead connection never ends, and makes a broken one a typed error. One timer serves
 * many reads, and ends by itself when nobody reads.
 */
export function guard(
  state: BrokerState,
  signal: AbortSignal | undefined,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): { read(): Promise<ReadableStreamReadResult<Uint8Array>>; end(): void } {
  const over = new AbortController();
  const { requestTimeout } = state;
  let failure: { error: unknown } | undefined;
  let reading = false;
  let watched = false;
  let since = 0;
  const end = () => over.abort();
  // Cancelling ends a read that is under way, as if all had come.
  const fail = (error: unknown) => {
    failure ??= { error };
    end();
    reader.cancel(error).catch(() => {});
  };
  signal?.addEventListener("abort", () => fail(signal.reason), { signal: over.signal });
  if (signal?.aborted) fail(signal.reason);
  const watch = async () => {
    watched = true;
    while (reading && !over.signal.aborted) {
      const left = requestTimeout - (nowOf(state) - since) / 1000;
      if (left <= 0) return fail(notWhole("Timeout", `stalled: no bytes came for ${requestTimeout} s`));
      await pause(state.clock, left, over.signal);
    }
    watched = false;
  };
  return {
    end,
    async read() {
      since = nowOf(state);
      reading = true;
      if (!watched) watch();
      try {
        const result = await reader.read();
        if (failure) throw failure.error;
        if (result.done) end();
        return result;
      } catch (error) {
        end();
        throw failure ? failure.error : notWhole("NetworkError", "broke off in the middle of the body", error);
      } finally {
        reading = false;
      }
    },
  };
}

function notWhole(awsCode: string, what: string, cause?: unknown): AwsError {
  const details = { service: "s3", action: "GetObject", status: 0, awsCode, retryable: true } as const;
  return new AwsError(`s3 GetObject ${what}`, details, { cause });
}
