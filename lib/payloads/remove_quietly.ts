import { stateOf } from "../broker.ts";
import { AwsError } from "../errors.ts";
import { lapse } from "../http/lapse.ts";
import { deleteObject } from "../s3/delete_object.ts";
import type { AwsRequest, PayloadContext, PayloadLocation } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { bucketRequest } from "./bucket_request.ts";
import type { Settings } from "./settings.ts";

/** Seconds that who gave up waits for what was stored to be removed: that S3 does not answer may be why. */
const PATIENCE = 1;

/**
 * Removes an object, or what another request removes. A failure is an event, and gives false. It goes on when the signal
 * fires, but is not waited for much longer.
 */
export function removeQuietly(
  settings: Settings,
  target: PayloadLocation,
  { signal, ...context }: PayloadContext,
  request: AwsRequest<void> = deleteObject(target),
): Promise<boolean> {
  const removed = remove(settings, target, context, request);
  return unlessAborted(removed, signal).catch(() => {
    const done = new AbortController();
    removed.then(() => done.abort());
    const late = lapse(stateOf(context.broker).clock, PATIENCE, done.signal);
    return Promise.race([removed, late.then(() => false)]);
  });
}

async function remove(
  settings: Settings,
  target: PayloadLocation,
  context: PayloadContext,
  request: AwsRequest<void>,
): Promise<boolean> {
  try {
    await bucketRequest(settings, context, request);
    return true;
  } catch (error) {
    // An upload that is gone has no parts left.
    if (error instanceof AwsError && error.awsCode === "NoSuchUpload") return true;
    const { bucket, key } = target;
    context.emit({ type: "payload", operation: "remove", bucket, key, error: error as Error });
    return false;
  }
}
