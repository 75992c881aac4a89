import { stateOf } from "../broker.ts";
import { AwsError } from "../errors.ts";
import { lapse } from "../http/lapse.ts";
import { deleteObject } from "../s3/delete_object.ts";
import type { AwsRequest, PayloadContext, PayloadLocation } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { bucketRequest } from "./bucket_request.ts";
import type { Settings } from "./settings.ts";

/** Seconds for which a caller that gave up still waits: it may have given up as S3 does not answer. */
const PATIENCE = 1;

/**
 * Removes an object, or what `request` removes. A failure is an event, and gives false. When the signal fires the removal
 * goes on, but is not waited for much longer.
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
