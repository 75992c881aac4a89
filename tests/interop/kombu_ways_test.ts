/**
 * What docs/kombu.md says of kombu, asked of kombu. `INTEROP_PYTHON` is a Python that has it; without it the test is
 * skipped.
 *
 * @module
 */
import assert from "node:assert/strict";

const python = Deno.env.get("INTEROP_PYTHON");
if (!python) console.log("kombu's ways: skipped, as INTEROP_PYTHON is not set");

Deno.test({ name: "kombu does what docs/kombu.md says of it", ignore: !python }, async () => {
  const { success, stdout, stderr } = await new Deno.Command(python!, {
    args: [`${import.meta.dirname}/kombu_ways.py`],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
    version: "5.7.0",
    reject: {
      "backoff": [10],
      "another task": ["delete"],
      "no task": ["delete", "KeyError 'task'"],
      "backoff, requeue": [7, "KeyError 'sqs_message'"],
      "no backoff": ["delete"],
      "no backoff, requeue": [7],
    },
    keys: ["own", "PASSWORD", null],
    host: "https://sqs.us-east-1.amazonaws.com/",
    VisibilityTimeout: "1800",
    purged: 30,
    no_ack: {},
    read: {
      "a notification is its JSON": true,
      "__type__": "DecodeError",
      "image/jpeg": "'x'",
      "yaml": "ContentDisallowed",
    },
    asked: { start: ["ListQueues"], _size: true, _purge: true },
    message_attributes: [false, true],
    delays: [null, null, 900, 2, 0],
    ack: {
      ReceiptHandleIsInvalid: ["ack"],
      AccessDenied: ["ack", "AccessDeniedQueueException"],
      InternalError: ["reject"],
    },
    predefined: { deleted: [], canonical: true, literal: "UndefinedQueueException" },
    fetch_message_attributes: [],
    fanout: {
      "without supports_fanout": [],
      bound: [],
      consumed: 1,
      statements: [["KombuManaged", true]],
      attributes: "String",
    },
    region: "us-east-1",
    unroutable: { direct: "x", topic: null },
    undeclared: "x",
    topic: { "# a": true, "a.# a": false, "#.a a": false, "a.# a.b": true, "*.b .b": false },
    "extended client": false,
  });
});
