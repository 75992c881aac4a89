import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { allowed, shared } from "../../tools/check_imports.ts";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/house.md", root), "utf8");
/** A room without what tells files from folders. */
const plain = (room: string) => room.trim().replace(/\.ts$|\/$/, "");
const named = (text: string) => Array.from(text.matchAll(/`([^`]+)`/g), ([, room]) => plain(room));

Deno.test("docs/house.md says of each room what tools/check_imports.ts lets it import", () => {
  const rows = page.slice(page.indexOf("## Rooms"), page.indexOf("## Beside")).matchAll(
    /^\| (`.*?) \|.*\| (.*?) *\|$/gm,
  );
  const said = Array.from(rows, ([, rooms, imports]) =>
    named(rooms).map((room) => {
      const names = imports.split(",").map(plain).filter(Boolean);
      return [room, names.sort()] as const;
    })).flat();
  const coded = Object.entries(allowed)
    // The folder that `types.ts` is made of.
    .filter(([room]) => room !== "types")
    .map(([room, imports]) => [plain(room), imports.map(plain).sort()] as const);
  assert.deepEqual(Object.fromEntries(said), Object.fromEntries(coded));

  const [, everyone] = /Every room may import ([^]*?)\n\n/.exec(page)!;
  assert.deepEqual(named(everyone).sort(), shared.map(plain).sort());
});

Deno.test("docs/house.md has a line for each folder of tests", () => {
  const rooms = new Set(readdirSync(new URL("lib", root)).map(plain));
  const folders = readdirSync(new URL("tests", root), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !rooms.has(entry.name));
  const missing = folders.filter(({ name }) => !page.includes(`\`tests/${name}\``));
  assert.deepEqual(missing, []);
});
