import type { PayloadStore } from "../../lib/types.ts";

/** What was stored, and what the store was told of it. */
interface Stored {
  readonly body: string;
  readonly shared: boolean;
  readonly queue: string;
  readonly size?: number;
}

/** A payload store in memory; it refuses the bodies for which `fails` says so. */
export function memoryStore(
  { threshold = 262_144, always = false, fails = () => false }: {
    readonly threshold?: number;
    readonly always?: boolean;
    readonly fails?: (body: string) => boolean;
  } = {},
): { store: PayloadStore; objects: Map<string, Stored> } {
  const objects = new Map<string, Stored>();
  let count = 0;
  const store: PayloadStore = {
    threshold,
    always,
    isPointer: (body) => body.startsWith("pointer "),
    async offload(body, options) {
      const text = typeof body === "string" ? body : await new Response(body).text();
      if (fails(text)) throw new Error("no room");
      const key = `k${count++}`;
      objects.set(key, { ...options, body: text });
      return {
        body: `pointer ${key}`,
        messageAttributes: { ExtendedPayloadSize: options.size ?? 0 },
        location: { bucket: "b", key },
        undo: () => Promise.resolve(void objects.delete(key)),
      };
    },
    resolve: () => Promise.reject(new Error("unused")),
    cleanUp: () => Promise.resolve(),
  };
  return { store, objects };
}
