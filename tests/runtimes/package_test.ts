/**
 * The npm package as its users have it: packed, installed into fresh projects, type-checked and run there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { Miniflare } from "miniflare";
import { buildPackage } from "../../tools/npm.ts";
import { BUN, install, run } from "./runners/install.ts";

const VERSIONS = {
  typescript: "7.0.2",
  "oldest-typescript": "npm:typescript@5.2.2",
  "@types/node": "20.19.43",
  "@cloudflare/workers-types": "5.20261117.1",
};

const EXPECTED = {
  bodies: [{ id: 1 }],
  acked: 1,
  call: 36,
  identity: "123456789012",
  keys: "function",
  region: "eu-west-1",
  s3: "/a%20b",
  sns: "Publish",
  sqs: "SendMessage",
  routes: [],
};

const PRINT = `import { everyEntry } from "./every_entry.EXT";\nconsole.log(JSON.stringify(await everyEntry()));\n`;

/** What `tsc` is told in each kind of project, `lib` no more than it needs. Libraries' declarations are checked too. */
const PROJECTS: Readonly<Record<string, object>> = {
  nodenext: { module: "nodenext", types: ["node"], lib: ["es2020"] },
  bundler: { module: "esnext", moduleResolution: "bundler", types: [], lib: ["es2022", "dom"] },
  worker: {
    module: "esnext",
    moduleResolution: "bundler",
    types: ["@cloudflare/workers-types"],
    lib: ["es2022"],
  },
};

/** Each Worker of examples/, as one who copies it checks it: an object's class must be one that a binding takes. */
const WORKERS = ["celery_status", "cron_drain", "durable_consumer", "http_publish", "queues_bridge"].map((name) =>
  `workers/${name}/src/index.ts`
);
const BINDING = `import type { Consumer } from "./workers/durable_consumer/src/index";
export type Binding = DurableObjectNamespace<Consumer>;\n`;

/** What many projects in CommonJS still have: it knows no `exports`, and TypeScript 7 has it no more. */
const COMMONJS = { module: "commonjs", moduleResolution: "node10", types: ["node"], lib: ["es2020"] };

const STRICT = {
  target: "es2022",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
};

let packed: Promise<string> | undefined;

/** Builds and packs the package, once. */
function tarball(): Promise<string> {
  return packed ??= (async () => {
    const folder = await buildPackage();
    const out = join(folder, "..", "packed");
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    await run("npm", ["pack", "--silent", "--pack-destination", out], { cwd: folder });
    return join(out, readdirSync(out)[0]);
  })();
}

/** A fresh project with the package in it. */
async function project(
  work: (folder: string) => Promise<void>,
  installing: (folder: string, tarball: string) => Promise<unknown> = withNpm,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "dashi-project-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
    cpSync(new URL("package/every_entry.ts", import.meta.url), join(folder, "every_entry.ts"));
    await installing(folder, await tarball());
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const npm = ["install", "--no-audit", "--no-fund", "--silent", "--prefer-offline"];

function withNpm(folder: string, tarball: string): Promise<string> {
  const packages = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  return run("npm", [...npm, tarball, ...packages], { cwd: folder });
}

const process = { sanitizeOps: false, sanitizeResources: false };

Deno.test("the package type-checks in Node, bundler and Worker projects, and runs in Node", process, async () => {
  await project(async (folder) => {
    writeFileSync(join(folder, "print.ts"), PRINT.replace("EXT", "js"));
    const compile = async (typescript: string, name: string, options: object, ...files: string[]) => {
      const compilerOptions = { ...STRICT, outDir: name, ...options };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
      await run("node", [`node_modules/${typescript}/bin/tsc`, "-p", "."], { cwd: folder })
        .catch((error) => assert.fail(`${name} with ${typescript}: ${error.message}`));
    };
    for (const [name, options] of Object.entries(PROJECTS)) {
      for (const typescript of ["oldest-typescript", "typescript"]) {
        await compile(typescript, name, options, "print.ts");
      }
    }
    await compile("oldest-typescript", "commonjs", COMMONJS, "every_entry.ts");
    for (const file of WORKERS) cpSync(new URL(`../../examples/${file}`, import.meta.url), join(folder, file));
    writeFileSync(join(folder, "binding.ts"), BINDING);
    await compile("typescript", "workers", { ...PROJECTS.worker, noEmit: true }, ...WORKERS, "binding.ts");
    assert.deepEqual(JSON.parse(await run("node", ["nodenext/print.js"], { cwd: folder })), EXPECTED);
  });
});

Deno.test("the package runs in a Bun project", process, async () => {
  const bun = join(await install("bun", { bun: BUN }), "node_modules/.bin/bun");
  await project(async (folder) => {
    writeFileSync(join(folder, "print.ts"), PRINT.replace("EXT", "ts"));
    assert.deepEqual(JSON.parse(await run(bun, ["run", "print.ts"], { cwd: folder })), EXPECTED);
  }, (folder, tarball) => run(bun, ["add", tarball], { cwd: folder }));
});

Deno.test("the package is bundled into a Worker and runs there", process, async () => {
  await project(async (folder) => {
    writeFileSync(
      join(folder, "worker.ts"),
      `import { everyEntry } from "./every_entry.ts";
      export default { fetch: async () => Response.json(await everyEntry()) };`,
    );
    const { outputFiles } = await esbuild.build({
      entryPoints: [join(folder, "worker.ts")],
      bundle: true,
      format: "esm",
      write: false,
      conditions: ["workerd", "worker", "browser"],
    });
    await esbuild.stop();
    const miniflare = new Miniflare({ modules: true, script: outputFiles[0].text, compatibilityDate: "2024-09-23" });
    try {
      const response = await miniflare.dispatchFetch("http://localhost/");
      assert.deepEqual(await response.json(), EXPECTED);
    } finally {
      await miniflare.dispose();
    }
  }, (folder, tarball) => run("npm", [...npm, tarball], { cwd: folder }));
});

Deno.test("the package holds what it should, and nothing else", async () => {
  const list = (await run("tar", ["-tzf", await tarball()])).trim().split("\n").map((path) =>
    path.replace("package/", "")
  );
  const others = list.filter((path) => !/^(mod|lib\/.*)(\.js|\.d\.ts)$/.test(path)).sort();
  assert.deepEqual(others, ["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  assert.equal(list.filter((path) => path.endsWith(".js")).length, list.filter((path) => path.endsWith(".ts")).length);
});
