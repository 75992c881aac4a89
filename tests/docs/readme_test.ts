import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import config from "../../deno.json" with { type: "json" };

/** Entry points that the page describes as a whole: a function for each API action. */
const ACTIONS = ["./sqs", "./sns", "./sts", "./s3"];

const root = new URL("../../", import.meta.url);

Deno.test("README.md names what Deno must allow, for keys of the environment and for those of a profile", async () => {
  const page = readFileSync(new URL("README.md", root), "utf8").replace(/\s+/g, " ");
  const [, net, env, files] = /Deno needs `(.+?)`, `(.+?)` .+? and `(.+?)` for a profile/.exec(page)!;
  const folder = await Deno.makeTempDir();
  try {
    const shared = `${folder}/credentials`;
    await Deno.writeTextFile(shared, "[default]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n");
    const cases = [["env", env, "AKIDENV"], ["profile", files, "AKIDPROFILE"]];
    await Promise.all(cases.map(async ([provider, allowed, signer]) => {
      const program = `${folder}/${provider}.js`;
      await Deno.writeTextFile(
        program,
        `import { ${provider} } from "${root}lib/credentials/mod.ts";
        import { connect, queueUrl } from "${root}mod.ts";
        const fetch = (request) => {
          console.log(request.headers.get("authorization"));
          return Promise.resolve(Response.json({ QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/orders" }));
        };
        await queueUrl(connect({ credentials: ${provider}(), http: { fetch } }), "orders");`,
      );
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--no-lock", "--config", "deno.json", net, ...allowed.split(" "), program],
        cwd: root,
        env: {
          AWS_ACCESS_KEY_ID: "AKIDENV",
          AWS_SECRET_ACCESS_KEY: "secret",
          AWS_REGION: "eu-west-1",
          AWS_PROFILE: "default",
          AWS_SHARED_CREDENTIALS_FILE: shared,
          AWS_CONFIG_FILE: shared,
        },
      }).output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.match(said, new RegExp(`Credential=${signer}/\\d+/eu-west-1/sqs/`));
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("README.md's first examples run as they stand, but for the server", async () => {
  const page = readFileSync(new URL("README.md", root), "utf8");
  const [loop, task] = Array.from(page.matchAll(/```ts ignore\n([^]*?)```/g), ([, code]) => code);
  const CONNECT = 'connect({ region: "eu-west-1" })';
  assert.ok(loop.includes(CONNECT), loop);
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      file,
      `import { memorySqs } from "@dashi/sqs/testing";
      const sqs = memorySqs();
      for (const queue of ["orders", "celery"]) sqs.createQueue(queue);
      const charge = (order: unknown) => {
        console.log(JSON.stringify(order), sqs.messages("celery").length);
        Deno.exit(); // the loop has no end
      };
      ${loop.replace(CONNECT, "connect(sqs.connectOptions)").replace("for await", `${task}\nfor await`)}`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-lock", "--config", "deno.json", file],
      cwd: root,
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert.equal(out.trim(), '{"id":1,"dish":"ramen"} 1', err);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("README.md names each function of each entry point", async () => {
  const page = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("## What there is"), page.indexOf("## What it does not do"));
  for (const [entry, file] of Object.entries(config.exports)) {
    assert.ok(table.includes(`\`${entry}\``), entry);
    if (ACTIONS.includes(entry)) continue;
    for (const [name, value] of Object.entries(await import(`../../${file}`))) {
      // Classes, errors most of them, are documented where they are met; constants where they count.
      const isFunction = typeof value === "function" && /^[a-z]/.test(name);
      assert.ok(!isFunction || table.includes(`\`${name}\``), `${entry} has ${name}, which README.md does not name`);
    }
  }
});
