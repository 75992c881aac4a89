import { type Input, textMap, texts } from "../input.ts";
import { type Model, queueOf } from "../model.ts";
import { invalid, missing } from "../sqs_fault.ts";

/** TagQueue: a tag that is there gets a new value. */
export function tagQueue(model: Model, input: Input): unknown {
  const { tags } = queueOf(model, input);
  const added = textMap(input, "Tags");
  if (Object.keys(added).length === 0) throw missing("Tags");
  checkTags({ ...Object.fromEntries(tags), ...added });
  for (const [key, value] of Object.entries(added)) tags.set(key, value);
  return {};
}

/** UntagQueue. */
export function untagQueue(model: Model, input: Input): unknown {
  const { tags } = queueOf(model, input);
  const keys = texts(input, "TagKeys");
  if (keys.length === 0) throw missing("TagKeys");
  for (const key of keys) tags.delete(key);
  return {};
}

/** ListQueueTags. */
export function listQueueTags(model: Model, input: Input): unknown {
  const { tags } = queueOf(model, input);
  return tags.size > 0 ? { Tags: Object.fromEntries(tags) } : {};
}

/** Throws for tags that a queue can't have. */
export function checkTags(tags: Readonly<Record<string, string>>): void {
  const keys = Object.keys(tags);
  if (keys.length > 50) throw invalid(`Too many tags added for queue. Maximum number of tags is 50.`);
  const bad = keys.find((key) => key.length < 1 || key.length > 128 || tags[key].length > 256);
  if (bad !== undefined) throw invalid("A tag's key has 1 to 128 characters, its value 256 at the most.");
}
