import { AwsError } from "../errors.ts";
import { deleteObject } from "../s3/delete_object.ts";
import type { AwsRequest, PayloadContext, PayloadLocation } from "../types.ts";
import { bucketRequest } from "./bucket_request.ts";
import type { Settings } from "./settings.ts";

/** Removes an object, or what another request removes. A failure is an event, and gives false. */
export async function removeQuietly(
  settings: Settings,
  target: PayloadLocation,
  { signal: _, ...context }: PayloadContext,
  request: AwsRequest<void> = deleteObject(target),
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
