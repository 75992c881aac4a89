import type { BrokerState } from "../broker.ts";
import { asError } from "../as_error.ts";
import type { AwsError } from "../errors.ts";
import { faultOf } from "../http/answer.ts";
import { setDeadline } from "../http/set_deadline.ts";
import { onAbort } from "../on_abort.ts";

/**
 * Bounds each wait for bytes, which a dead connection never ends, and makes a broken one a typed error. One timer serves
 * many reads, and ends by itself when nobody reads.
 */
export function guard(
  state: BrokerState,
  signal: AbortSignal | undefined,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): { read(): Promise<ReadableStreamReadResult<Uint8Array>>; end(): void } {
  const { requestTimeout } = state;
  let failure: { error: unknown } | undefined;
  let reading = false;
  let beganLater = false; // the read under way began after the deadline was set, and has until the next one
  let clearDeadline: (() => void) | undefined;
  let callOff = () => {};
  const end = () => {
    clearDeadline?.();
    callOff();
  };
  // Cancelling ends a read that is under way, as if all had come.
  const fail = (error: unknown) => {
    failure ??= { error };
    end();
    reader.cancel(error).catch(() => {});
  };
  if (signal) callOff = onAbort(signal, () => fail(signal.reason));
  if (failure) end();
  const onDeadline = () => {
    if (reading && !beganLater) return fail(notWhole("Timeout", `stalled: no bytes came for ${requestTimeout} s`));
    beganLater = false;
    if (reading) return requestTimeout;
    clearDeadline!();
    clearDeadline = undefined;
  };
  return {
    end,
    async read() {
      reading = true;
      beganLater = !!clearDeadline;
      clearDeadline ??= setDeadline(state, requestTimeout, onDeadline);
      try {
        const result = await reader.read();
        if (failure) throw failure.error;
        if (result.done) end();
        return result;
      } catch (error) {
        end();
        if (failure) throw failure.error;
        // Its words alone: a runtime or a fetch may hang the whole request on it.
        const cause = new Error(asError(error).message);
        throw notWhole("NetworkError", "broke off in the middle of the body", cause);
      } finally {
        reading = false;
      }
    },
  };
}

function notWhole(awsCode: string, what: string, cause?: unknown): AwsError {
  return faultOf({ service: "s3", action: "GetObject" }, what, awsCode, undefined, { cause });
}
