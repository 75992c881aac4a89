import type { Consumer, Lane } from "./consumer.ts";

/** The attributes to ask for: what the user wants, and what a feature in use needs. */
export function attributesOf({ state, settings }: Consumer, lane: Lane): {
  systemAttributes: string[];
  messageAttributes?: string[];
} {
  const { fetchAttributes = [], payloads } = state.options;
  const all = ["All"];
  const asked =
    (Array.isArray(fetchAttributes)
      ? { system: fetchAttributes }
      : fetchAttributes === "All"
      ? { system: all, message: all }
      : fetchAttributes) as { system?: "All" | readonly string[]; message?: "All" | readonly string[] };
  const list = (names: "All" | readonly string[] = []) => names === "All" ? all : names;
  const codec = settings.codec ?? lane.address!.predefined?.codec ?? state.options.codec;
  const system = new Set(["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId", ...list(asked.system)]);
  const message = new Set([...list(asked.message), ...codec?.needs ?? [], ...payloads?.needs ?? []]);
  return {
    systemAttributes: system.has("All") ? ["All"] : [...system],
    messageAttributes: message.has("All") ? ["All"] : message.size ? [...message] : undefined,
  };
}
