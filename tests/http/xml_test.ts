import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import * as v from "valibot";
import { AwsError } from "@dashi/sqs";
import { entries, queryRequest } from "../../lib/http/query_request.ts";
import { asList, readXml, xmlList } from "../../lib/http/xml.ts";

const plain = async (text: string): Promise<unknown> => JSON.parse(JSON.stringify(await readXml(text)));

Deno.test("readXml() gives strings, lists of what comes twice, and the empty string for nothing", async () => {
  const text = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>
    <!-- a -- comment --><a xmlns="urn:x" q='1'><b/><c> x &amp;amp; <![CDATA[<&amp;>]]><!-- no --> y</c>
    <n:d n:p="1">007</n:d><n:d>true</n:d><e>\r\n <f>&#233;&#x1F600;&lt;&gt;&quot;&apos;</f></e></a>`;
  assert.deepEqual(await plain(text), {
    a: { b: "", c: " x &amp; <&amp;> y", d: ["007", "true"], e: { f: "é😀<>\"'" } },
  });
  assert.deepEqual([asList(undefined), asList(""), asList("x"), asList(["x"])], [[], [], ["x"], ["x"]]);
});

Deno.test("readXml() refuses entities, document types and processing instructions", async () => {
  const bombs = [
    `<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;">]><a>&m;</a>`,
    `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
    `<a><!DOCTYPE b></a>`,
    `<a><!ENTITY x "y"></a>`,
    `<a>&nbsp;</a>`,
    `<a>&x;</a>`,
    `<a>&#0;</a>`,
    `<a>&#xD800;</a>`,
    `<a>&#1114112;</a>`,
    `<a>a & b</a>`,
    `<?xml-stylesheet href="x"?><a/>`,
    `<a><?php 1 ?></a>`,
  ];
  for (const text of bombs) await assert.rejects(readXml(text), SyntaxError, text);
});

Deno.test("readXml() refuses what is too deep or too long, in linear time", async () => {
  const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  await readXml(nested(50));
  await assert.rejects(readXml(nested(51)), /deeper than 50/);
  await assert.rejects(readXml(nested(100_000)), /deeper than 50/);
  await assert.rejects(readXml(`<a>${"x".repeat(8_000_000)}</a>`), /longer than/);
  // Each of these takes a backtracking reader minutes, or its stack.
  const hostile = [
    "<",
    "<a",
    "<a ",
    "<a b",
    '<a b="',
    "<!--",
    "<![CDATA[",
    "<?xml ",
    "&",
    "&#1",
    "</",
    "]]>",
    " ",
    "\r",
    "-",
  ];
  for (const piece of hostile) {
    await readXml(`<a>${piece.repeat(300_000)}`).catch((error) => assert.ok(error instanceof SyntaxError));
    await readXml(`<a ${piece.repeat(300_000)}`).catch((error) => assert.ok(error instanceof SyntaxError));
  }
});

Deno.test("readXml() lets no name reach a prototype", async () => {
  for (const name of ["__proto__", "constructor", "prototype"]) {
    await assert.rejects(readXml(`<a><${name}><polluted>1</polluted></${name}></a>`), SyntaxError);
  }
  const { a } = await readXml("<a><toString>1</toString></a>") as { a: Record<string, unknown> };
  assert.equal(a.toString, "1");
  assert.equal(Object.getPrototypeOf(a), null);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("readXml() takes no document that was cut off or patched together", async () => {
  const whole = `<?xml version="1.0"?><a><b>x &amp; y</b><c><![CDATA[z]]></c><!-- w --></a>`;
  await readXml(whole);
  for (let end = 0; end < whole.length; end++) await assert.rejects(readXml(whole.slice(0, end)), SyntaxError);
  for (
    const text of [
      "<a/><b/>",
      "<a></b>",
      "<a/>x",
      "x<a/>",
      "<a></a></a>",
      "<a><b></a></b>",
      "<1/>",
      '<a b="<"/>',
      "<a b/>",
    ]
  ) {
    await assert.rejects(readXml(text), SyntaxError, text);
  }
});

Deno.test("readXml() gives back any text, and is only ever a SyntaxError on anything else", async () => {
  const escape = (text: string) => text.replace(/[&<>\r]/g, (char) => `&#${char.charCodeAt(0)};`);
  await fc.assert(fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
    fc.pre(!text.includes("\0"));
    assert.deepEqual(await plain(`<a><b>${escape(text)}</b></a>`), { a: { b: text } });
  }));
  const pieces = fc.constantFrom(
    "<a>",
    "</a>",
    "<b/>",
    "<",
    ">",
    "&",
    ";",
    "&amp;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    '"',
    "x",
    "=",
    " ",
    "\n",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(pieces), async (parts) => {
      const outcome = await readXml(parts.join("")).catch((error) => error);
      assert.ok(!(outcome instanceof Error) || outcome instanceof SyntaxError);
    }),
    { numRuns: 2000 },
  );
});

const list = queryRequest("sns", "ListTopics", {
  version: "2010-03-31",
  params: {
    A: "a b!*'()é~",
    L: ["x", 2],
    M: entries({ k: true, l: { DataType: "String" } }, "Name", "Value"),
    U: undefined,
  },
  schema: v.object({ Topics: xmlList(v.object({ TopicArn: v.string() }), "member") }),
  read: ({ Topics }) => Topics.map((topic) => topic.TopicArn),
});

Deno.test("queryRequest() writes a form in RFC 3986's encoding", () => {
  assert.equal(
    list.body,
    "Action=ListTopics&Version=2010-03-31&A=a%20b%21%2A%27%28%29%C3%A9~&L.member.1=x&L.member.2=2" +
      "&M.entry.1.Name=k&M.entry.1.Value=true&M.entry.2.Name=l&M.entry.2.Value.DataType=String",
  );
});

Deno.test("queryRequest() reads lists of any length, and errors by their code", async () => {
  const answer = (inner: string, status = 200) =>
    list.parse(new Response(`<ListTopicsResponse>${inner}</ListTopicsResponse>`, { status }));
  const topic = "<member><TopicArn>t</TopicArn></member>";
  assert.deepEqual(await answer(`<ListTopicsResult><Topics>${topic}${topic}</Topics></ListTopicsResult>`), ["t", "t"]);
  assert.deepEqual(await answer(`<ListTopicsResult><Topics>${topic}</Topics></ListTopicsResult>`), ["t"]);
  for (const none of ["<ListTopicsResult><Topics/></ListTopicsResult>", "<ListTopicsResult/>", ""]) {
    assert.deepEqual(await answer(none), []);
  }
  const error =
    "<ErrorResponse><Error><Type>Sender</Type><Code> Throttled </Code><Message>slow</Message></Error></ErrorResponse>";
  for (const status of [200, 400]) {
    await assert.rejects(list.parse(new Response(error, { status })), (thrown: AwsError) => {
      assert.equal(thrown.awsCode, "Throttled");
      return thrown.retryable && thrown instanceof AwsError;
    });
  }
  for (const body of ["", "{}", "<html></html>", "<a/>", "<ListTopicsResponse>", "<!DOCTYPE html><html></html>"]) {
    await assert.rejects(list.parse(new Response(body)), (thrown: AwsError) => thrown.awsCode === "InvalidAnswer");
    await assert.rejects(
      list.parse(new Response(body, { status: 503 })),
      (thrown: AwsError) => thrown.awsCode === "Http503" && thrown.retryable,
    );
  }
});
