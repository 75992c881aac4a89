import assert from "node:assert/strict";
import { ConfigError } from "../../lib/errors.ts";
import { snsFanout } from "../../lib/fanout/mod.ts";

Deno.test("snsFanout() refuses what is no topic, naming it", () => {
  const arn = "arn:aws:sns:eu-west-1:123456789012:news";
  const wrong: [unknown, RegExp][] = [
    [{ topic: {} }, /'topic'/],
    [{ tags: { team: 7 } }, /'tags\.team'/],
    [{ topics: { news: arn } }, /'topics\.news'/],
    [{ topics: { news: {} } }, /'topics\.news\.arn'/],
    [{ topics: { news: { arn: "arn:aws:sqs:eu-west-1:123456789012:news" } } }, /'topics\.news\.arn'/],
    [{ topics: { news: { arn, url: "x" } } }, /'topics\.news\.url'/],
    [{ topics: { news: { arn, region: "EU (Ireland)" } } }, /'topics\.news\.region'/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => snsFanout(options as never),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

Deno.test("snsFanout() holds no keys that can be seen", () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "hidden" };
  const fanout = snsFanout({ topics: { news: { arn: "arn:aws:sns:eu-west-1:123456789012:news", credentials } } });
  assert.doesNotMatch(Deno.inspect(fanout, { depth: 9, showHidden: true }) + JSON.stringify(fanout), /hidden|AKID/);
});
