import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import * as zlib from "node:zlib";
import { connect, consume, publish } from "@dashi/sqs";
import { profile } from "@dashi/sqs/credentials";
import { memorySqs } from "@dashi/sqs/testing";
import { checkerFor } from "../lib/payloads/checker.ts";
import { checksumText } from "../lib/s3/crc32c.ts";

/** Works as Next.js' edge runtime, which has a `process` and throws where what is Node's is looked for in it. */
async function inNextEdge(work: () => Promise<void>): Promise<void> {
  const own = Object.getOwnPropertyDescriptor(process, "getBuiltinModule");
  const get = () => {
    throw new Error("A Node.js API is used (process.getBuiltinModule) which is not supported in the Edge Runtime.");
  };
  Object.defineProperty(process, "getBuiltinModule", { get, configurable: true });
  try {
    await work();
  } finally {
    if (own) Object.defineProperty(process, "getBuiltinModule", own);
    else delete (process as { getBuiltinModule?: unknown }).getBuiltinModule;
  }
}

Deno.test("where process.getBuiltinModule throws at the mere look, all but files is there", () =>
  inNextEdge(async () => {
    const sqs = memorySqs();
    sqs.createQueue("orders");
    const broker = connect(sqs.connectOptions);
    await publish(broker, { id: 1 }, { queue: "orders", messageAttributes: { tenant: "a" } });
    for await (const delivery of consume(broker, "orders", { maxMessages: 1 })) {
      assert.deepEqual(delivery.body, { id: 1 });
      await delivery.ack();
    }
    const bytes = new TextEncoder().encode("stock".repeat(20_000));
    const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("base64");
    for (const checksums of [{ crc32: checksumText(zlib.crc32(bytes)) }, { sha256 }]) {
      const checker = checkerFor(checksums, bytes.length);
      checker.add(bytes);
      checker.finish();
      await checker.check(bytes);
    }
    const unread = publish(connect({ ...sqs.connectOptions, credentials: profile() }), 1, { queue: "orders" });
    await assert.rejects(unread, /no file system/);
  }));
