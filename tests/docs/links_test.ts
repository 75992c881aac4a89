import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname!, "../..");
const below = ["docs", "examples", "tests/vectors"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => `${folder}/${file}`)
);
const pages = ["README.md", "CHANGELOG.md", ...below.filter((file) => file.endsWith(".md"))];

/** What a link to a heading says after its `#`. */
const anchorOf = (heading: string) => heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");

Deno.test("each link between the pages leads to a file, and to a heading, that there is", () => {
  const wrong: string[] = [];
  let links = 0;
  for (const page of pages) {
    for (const [, link] of readFileSync(join(root, page), "utf8").matchAll(/\]\(((?!https?:)[^)]+)\)/g)) {
      links++;
      const [path, anchor] = link.split("#");
      const target = path ? join(root, dirname(page), path) : join(root, page);
      if (!existsSync(target)) wrong.push(`${page}: ${link}`);
      else if (anchor) {
        const headings = [...readFileSync(target, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
          anchorOf(heading)
        );
        if (!headings.includes(anchor)) wrong.push(`${page}: ${link}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(links > 60, `${links} links`);
});
