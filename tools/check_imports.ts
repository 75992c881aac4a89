/**
 * Checks that imports in `lib/` go down only: the table of docs/house.md as code. Exits with 1 and names each that does
 * not, and what the table allows for nothing.
 *
 * @module
 */
import { relative, resolve, sep } from "node:path";
import { readdirSync, readFileSync } from "node:fs";

const root = resolve(import.meta.dirname!, "..");

/** What each room may import, itself and the shared files aside. */
export const allowed: Readonly<Record<string, readonly string[]>> = {
  "types.ts": ["types"],
  types: [],
  "events.ts": ["types"],
  "errors.ts": [],
  "check.ts": [],
  "broker.ts": [],
  "defaults.ts": [],
  "linked_list.ts": [],
  "as_error.ts": [],
  "builtin.ts": [],
  "celery_call.ts": [],
  "on_abort.ts": [],
  "unless_aborted.ts": [],
  http: [],
  codec: [],
  streams: [],
  sqs: ["http", "codec"],
  sns: ["http", "codec"],
  sts: ["http"],
  s3: ["http", "codec"],
  topology: ["sqs", "http"],
  consume: ["topology", "sqs", "codec", "streams", "http"],
  publish: ["topology", "sqs", "codec", "http"],
  celery: ["consume", "publish", "topology", "sqs", "codec", "http"],
  credentials: ["sts", "http"],
  payloads: ["connect.ts", "s3", "codec", "http"],
  fanout: ["sns", "sqs", "codec", "topology", "http"],
  config: ["credentials", "fanout", "codec", "sqs", "sts", "http"],
  testing: ["codec"],
  "connect.ts": ["codec", "credentials", "sqs", "http"],
};

/** Files that every room may import. */
export const shared: readonly string[] = [
  "types.ts",
  "events.ts",
  "errors.ts",
  "check.ts",
  "broker.ts",
  "defaults.ts",
  "linked_list.ts",
  "as_error.ts",
  "builtin.ts",
  "celery_call.ts",
  "on_abort.ts",
  "unless_aborted.ts",
];
const packages: Record<string, readonly string[]> = {
  aws4fetch: ["http"],
  "fast-xml-parser": ["http"],
  valibot: ["http", "sqs", "sns", "sts", "s3", "credentials", "config"],
};

if (import.meta.main) {
  const wrong: string[] = [];
  const used = new Set<string>();
  for (const entry of readdirSync(resolve(root, "lib"), { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".ts")) continue;
    const room = entry.split(sep)[0];
    const text = readFileSync(resolve(root, "lib", entry), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    if (!allowed[room]) wrong.push(`lib/${entry}: the room '${room}' is not in the table`);
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (from.startsWith(".")) {
        const target = relative(resolve(root, "lib"), resolve(root, "lib", entry, "..", from)).split(sep)[0];
        used.add(`${room} ${target}`);
        const fine = target === room || shared.includes(target) || allowed[room]?.includes(target);
        if (!fine) wrong.push(`lib/${entry}: ${room} must not import ${target} (${from})`);
      } else if (!packages[from]?.includes(room)) {
        wrong.push(`lib/${entry}: ${room} must not import the package ${from}`);
      }
    }
  }
  for (const [room, targets] of Object.entries(allowed)) {
    for (const target of targets.filter((target) => !used.has(`${room} ${target}`))) {
      wrong.push(`The table lets ${room} import ${target}, which no file of it does`);
    }
  }
  for (const line of wrong) console.error(line);
  if (wrong.length) process.exit(1);
  console.log("Imports go down only.");
}
