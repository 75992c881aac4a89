import type { Consumer, Lane } from "./consumer.ts";

type Names = "All" | readonly string[];

/** The attributes to ask for: what the user wants, and what a feature in use needs. */
export function attributesOf({ state }: Consumer, lane: Lane): {
  MessageSystemAttributeNames?: string[];
  MessageAttributeNames?: string[];
} {
  const { fetchAttributes: wanted = [], payloads } = state.options;
  const { system, message }: { readonly system?: Names | undefined; readonly message?: Names | undefined } =
    wanted === "All" ? { system: wanted, message: wanted } : "length" in wanted ? { system: wanted } : wanted;
  return {
    MessageSystemAttributeNames: list("ApproximateReceiveCount", "SentTimestamp", "MessageGroupId", system),
    MessageAttributeNames: list(message, lane.codec?.needs, payloads?.needs),
  };
}

/** Each name once; undefined for none. */
function list(...names: (string | readonly string[] | undefined)[]): string[] | undefined {
  const each = new Set(names.flat());
  each.delete(undefined);
  return each.has("All") ? ["All"] : each.size ? [...each] as string[] : undefined;
}
