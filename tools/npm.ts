/**
 * `deno run -A tools/npm.ts`: builds the npm package from the same source into `dist/npm`.
 *
 * A file stays a file, so that all entry points share one state and a bundler takes what it needs.
 *
 * @module
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import * as esbuild from "esbuild";
import ts from "typescript";
import config from "../deno.json" with { type: "json" };

const root = resolve(import.meta.dirname!, "..");

/** Where the package is built; git ignores it. */
export const PACKAGE: string = join(root, "dist/npm");

/**
 * The Nodes with all that the library needs: `process.getBuiltinModule`, which 21 and 22.2 lack, and a CompressionStream
 * that works, which that of 22.3 does not.
 */
const NODE = "^20.16 || >=22.4";
const DEPENDENCIES = ["aws4fetch", "fast-xml-parser", "valibot"] as const;

/** What the declarations name that a project may lack, and the library of TypeScript's that has it. */
const LIBRARIES = { AsyncDisposable: "esnext.disposable", ErrorOptions: "es2022" } as const;

/**
 * Builds the package.
 *
 * @returns Its folder.
 * @throws If TypeScript finds something wrong.
 */
export async function buildPackage(): Promise<string> {
  rmSync(PACKAGE, { recursive: true, force: true });
  const files = [
    "mod.ts",
    ...readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `lib/${file}`),
  ];
  await Promise.all(files.map(async (file) => {
    const source = readFileSync(join(root, file), "utf8");
    const target = join(PACKAGE, file);
    mkdirSync(dirname(target), { recursive: true });
    const { code } = await esbuild.transform(withoutExtensions(source), {
      loader: "ts",
      format: "esm",
      target: "es2022",
      sourcefile: file,
    });
    writeFileSync(target.replace(/\.ts$/, ".js"), code);
  }));
  await esbuild.stop();
  writeDeclarations(files);
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) {
    cpSync(join(root, file), join(PACKAGE, file));
  }
  writeFileSync(join(PACKAGE, "package.json"), JSON.stringify(manifest(), null, 2) + "\n");
  return PACKAGE;
}

/** What npm is told of the package. */
function manifest(): object {
  const entries = Object.entries(config.exports);
  const dependencies = DEPENDENCIES.map((name) => [name, `^${config.imports[name].split("@").at(-1)}`]);
  return {
    name: config.name,
    version: config.version,
    description: "Amazon SQS as a message transport, without the AWS SDK: kombu's wire formats, in every runtime",
    keywords: ["sqs", "aws", "queue", "kombu", "celery", "sns", "cloudflare-workers", "deno", "bun"],
    license: config.license,
    type: "module",
    sideEffects: false,
    engines: { node: NODE },
    exports: {
      ...Object.fromEntries(entries.map(([name, file]) => [name, {
        types: file.replace(/\.ts$/, ".d.ts"),
        default: file.replace(/\.ts$/, ".js"),
      }])),
      "./package.json": "./package.json",
    },
    // For tools that know no `exports`, TypeScript with `moduleResolution: "node"` among them.
    main: "./mod.js",
    types: "./mod.d.ts",
    typesVersions: {
      "*": Object.fromEntries(
        entries.slice(1).map(([name, file]) => [name.slice(2), [file.replace(/\.ts$/, ".d.ts")]]),
      ),
    },
    // npm takes a package with a scope for a private one.
    publishConfig: { access: "public" },
    dependencies: Object.fromEntries(dependencies),
  };
}

/** Names files as they are in the package: `./a.ts` becomes `./a.js`. */
function withoutExtensions(text: string): string {
  return text.replace(/((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]*)\.ts"/g, '$1.js"');
}

/** Makes declarations that TypeScript 5.2 reads too, whatever the `lib` of the project is. */
function forOlder(text: string): string {
  const libraries = Object.entries(LIBRARIES).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  return libraries.map(([, library]) => `/// <reference lib="${library}" />\n`).join("") +
    // The same type, but before 5.7 `Uint8Array` takes no argument.
    text.replaceAll("Uint8Array<ArrayBuffer>", 'ReturnType<Uint8Array["slice"]>');
}

/** Writes the declarations of every file. */
function writeDeclarations(files: readonly string[]): void {
  const links = mkdtempSync(join(tmpdir(), "dashi-npm-"));
  try {
    // TypeScript looks for packages in a node_modules, and Deno has them elsewhere.
    for (const name of DEPENDENCIES) {
      mkdirSync(dirname(join(links, "node_modules", name)), { recursive: true });
      symlinkSync(dirname(findPackageJSON(name, import.meta.url)!), join(links, "node_modules", name));
    }
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
      strict: true,
      declaration: true,
      emitDeclarationOnly: true,
      allowImportingTsExtensions: true,
      preserveSymlinks: true,
      skipLibCheck: true,
      types: [],
      rootDir: root,
      outDir: PACKAGE,
    };
    const host = ts.createCompilerHost(options);
    host.resolveModuleNameLiterals = (names, from) =>
      names.map(({ text }) =>
        ts.resolveModuleName(text, text.startsWith(".") ? from : join(links, "a.ts"), options, host)
      );
    const program = ts.createProgram(files.map((file) => join(root, file)), options, host);
    const { diagnostics } = program.emit(
      undefined,
      (file, text) => writeFileSync(file, forOlder(withoutExtensions(text))),
    );
    const wrong = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
    if (wrong.length) throw new Error(ts.formatDiagnostics(wrong, host));
  } finally {
    rmSync(links, { recursive: true });
  }
}

if (import.meta.main) {
  const folder = await buildPackage();
  const count = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith(".js")).length;
  console.log(`${config.name}@${config.version}: ${count} modules in dist/npm`);
  process.exit(0);
}
