import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const lib = fileURLToPath(new URL("../../lib/", import.meta.url));

/** The optional members of the interfaces of options in a file, as `ConnectOptions.region`, whose types lack `undefined`. */
function refusing(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(lib + file, "utf8"), ts.ScriptTarget.Latest);
  const names: string[] = [];
  const look = (node: ts.Node, owner: string) => {
    if (ts.isPropertySignature(node) && node.questionToken) {
      const type = node.type!.getText(source);
      if (!/\| undefined$|^unknown$/.test(type)) names.push(`${owner}.${node.name.getText(source)}`);
    }
    node.forEachChild((child) => look(child, owner));
  };
  for (const statement of source.statements) {
    const isPublic = ts.isInterfaceDeclaration(statement) && /Options$/.test(statement.name.text);
    if (isPublic) look(statement, statement.name.text);
  }
  return names;
}

Deno.test("options: one that is undefined is one that was not given, so exactOptionalPropertyTypes takes it too", () => {
  const files = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  assert.deepEqual(files.flatMap(refusing), []);
});
