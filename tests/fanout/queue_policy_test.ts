import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { allowedTopics, allowTopic, disallowTopic } from "../../lib/fanout/queue_policy.ts";

const TOPIC = "arn:aws:sns:eu-west-1:123456789012:news";
const QUEUE = "arn:aws:sqs:eu-west-1:123456789012:inbox";
const text = (policy: unknown) => JSON.stringify(policy);
const allow = (policy?: string) => allowTopic(policy, TOPIC, QUEUE);

Deno.test("allowTopic() then disallowTopic() leaves every other statement as it was, whatever it is", () => {
  fc.assert(fc.property(
    fc.record({ Version: fc.string(), Id: fc.string() }, { requiredKeys: [] }),
    fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1 }),
    (head, Statement) => {
      const before = text({ ...head, Statement });
      const allowed = allow(before)!;
      assert.deepEqual(JSON.parse(allowed).Statement.slice(0, -1), JSON.parse(before).Statement);
      assert.equal(allow(allowed), undefined);
      assert.deepEqual(allowedTopics(allowed), [TOPIC]);
      assert.equal(disallowTopic(allowed, TOPIC), text({ ...head, Statement }));
    },
  ));
});

Deno.test("no text makes allowTopic() fail other than with a SyntaxError that does not show it", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (policy) => {
    try {
      const next = allow(policy);
      if (next !== undefined) JSON.parse(next);
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, /^Cannot read the queue's policy as /);
    }
  }));
});

Deno.test("allowTopic() knows its statement in every way that AWS may write it", () => {
  const policy = JSON.parse(allow()!);
  const [ours] = policy.Statement;
  const written = {
    ...ours,
    Action: ["SQS:SendMessage"],
    Resource: [QUEUE],
    Principal: { Service: ["sns.amazonaws.com"] },
  };
  assert.equal(allow(text({ ...policy, Statement: written })), undefined);
  const turned = Object.fromEntries(Object.entries(ours).reverse());
  assert.equal(allow(text({ Statement: [turned] })), undefined);
});

Deno.test("allowTopic() mends a statement of ours that somebody changed", () => {
  const [ours] = JSON.parse(allow()!).Statement;
  const changed = [
    { ...ours, Effect: "Deny" },
    { ...ours, Condition: undefined },
    { ...ours, Condition: { ArnEquals: { "aws:SourceArn": TOPIC.toUpperCase() } } },
    { ...ours, Resource: `${QUEUE}2` },
    { ...ours, Principal: "*" },
  ];
  for (const statement of changed) {
    assert.deepEqual(JSON.parse(allow(text({ Statement: [statement] }))!).Statement, [ours]);
  }
});

Deno.test("a topic's statement is not another's, even where one name begins the other", () => {
  const both = allowTopic(allow(), `${TOPIC}-2`, QUEUE)!;
  assert.deepEqual(allowedTopics(both), [TOPIC, `${TOPIC}-2`]);
  assert.deepEqual(allowedTopics(disallowTopic(both, TOPIC)), [`${TOPIC}-2`]);
  assert.equal(disallowTopic(allow(), TOPIC), "");
  assert.equal(disallowTopic(undefined, TOPIC), undefined);
  assert.equal(disallowTopic(text({ Statement: { Sid: "theirs" } }), TOPIC), undefined);
});
