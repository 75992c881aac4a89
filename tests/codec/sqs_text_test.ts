import assert from "node:assert/strict";
import { assertSqsText } from "../../lib/codec/sqs_text.ts";
import { ConfigError } from "../../lib/errors.ts";

Deno.test("assertSqsText() lets pass what SQS takes", () => {
  assertSqsText("body", "\t\n\r ~\x7f\x85\ud7ff\ue000\ufffd\u{10000}\u{10ffff}\u2028");
  assertSqsText("body", "");
});

Deno.test("assertSqsText() names the first character that SQS refuses", () => {
  for (
    const [bad, code] of [["\0", "0"], ["\x0b", "b"], ["\x1f", "1f"], ["\ufffe", "fffe"], ["\uffff", "ffff"], [
      "\ud800",
      "d800",
    ], ["\udfff", "dfff"]]
  ) {
    assert.throws(() => assertSqsText("messageAttributes.a", `😀é${bad}b\0`), (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, new RegExp(`'messageAttributes.a'.*U\\+0*${code} at offset 3`, "i"));
      return true;
    });
  }
});
