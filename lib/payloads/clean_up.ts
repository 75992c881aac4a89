import { asError } from "../as_error.ts";
import { DashiError } from "../errors.ts";
import { deleteObjects, MAX_DELETES } from "../s3/delete_objects.ts";
import { fitsXml } from "../s3/xml_text.ts";
import type { PayloadContext, PayloadLocation } from "../types.ts";
import { bucketRequest } from "./bucket_request.ts";
import { removeQuietly } from "./remove_quietly.ts";
import { isOurs, type Settings } from "./settings.ts";

/**
 * Removes payloads whose messages are gone: only from the store's own bucket, under its prefix, and none that others may
 * still read. Several go in one request. Each that can't be removed is an event.
 */
export async function cleanUp(
  settings: Settings,
  locations: readonly PayloadLocation[],
  context: PayloadContext,
): Promise<void> {
  if (!settings.deleteOnAck) return;
  const { bucket } = settings;
  const keys = [...new Set(locations.filter((location) => isOurs(settings, location)).map(({ key }) => key))];
  const report = (key: string, error?: Error) =>
    context.emit({ type: "payload", operation: "remove", bucket, key, error });
  const one = async (key: string) => {
    if (await removeQuietly(settings, { bucket, key }, context)) report(key);
  };
  const batched = keys.length > 1 ? keys.filter(fitsXml) : [];
  for (const key of keys) if (!batched.includes(key)) await one(key);
  for (let i = 0; i < batched.length; i += MAX_DELETES) {
    const batch = batched.slice(i, i + MAX_DELETES);
    try {
      const { failed } = await bucketRequest(settings, context, deleteObjects({ bucket, keys: batch }));
      const errors = new Map(failed.map(({ key, awsCode, message }) => [key, `${awsCode}: ${message}`]));
      for (const key of batch) {
        const error = errors.get(key);
        report(key, error === undefined ? undefined : new DashiError(`Cannot remove a payload: ${error}`));
      }
    } catch (error) {
      for (const key of batch) report(key, asError(error));
    }
  }
}
