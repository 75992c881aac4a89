/**
 * Reads XML that came over the network: what SNS, STS and S3 answer, and nothing cleverer.
 *
 * @module
 */
import * as v from "valibot";

/** The most characters of an answer that is read as XML: a page of 1,000 S3 keys takes 4 of 8 million. */
export const MAX_XML_LENGTH = 8_000_000;
/** The deepest nesting that is read: AWS's answers take 8. */
const MAX_XML_DEPTH = 50;

/** The content of an element: its text, its child elements by name, or one of either for each element of that name. */
export type XmlValue = string | XmlRecord | readonly XmlValue[];

/** Child elements by name. It has no prototype, so a name is found only if the document has it. */
export interface XmlRecord {
  readonly [name: string]: XmlValue;
}

const NAME = "[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?";
/**
 * One piece of a document: text, a reference, a comment, CDATA, the declaration, an end tag, a start tag. No two
 * alternatives begin alike, and what matches none ends the reading, so the scan is linear.
 */
const PIECE = new RegExp(
  [
    "(?<text>[^<&]+|&(?:lt|gt|amp|quot|apos|#\\d{1,7}|#x[\\dA-Fa-f]{1,6});|<!\\[CDATA\\[[^]*?\\]\\]>)",
    "<!--[^]*?-->",
    "(?<declaration><\\?xml\\s[^?<>]*\\?>)",
    `</(?<end>${NAME})\\s*>`,
    `<(?<start>${NAME})(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*')){0,32}\\s*(?<empty>/?)>`,
  ].join("|"),
  "y",
);

/**
 * Reads a document into plain values. Every value is a string, CDATA is text, an empty element is the empty string,
 * elements of one name become a list when there are several ({@linkcode asList}), attributes and namespace prefixes are
 * left out.
 *
 * The parser is loaded with the first document. Before it sees one, a linear scan has refused every DOCTYPE and with it
 * every entity of the document's own, processing instructions, nesting and length beyond the bounds, and all that is not
 * whole: a document that was cut off is an error, never half an answer.
 *
 * @param text The document.
 * @returns The root element's content under its name.
 * @throws {SyntaxError} If the document is refused. The message does not repeat it.
 */
export async function readXml(text: string): Promise<XmlRecord> {
  const document = text.replace(/^\uFEFF?\s+|^\uFEFF/, "");
  inspect(document);
  const { XMLParser } = await import("./xml_parser.ts");
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: true,
    removeNSPrefix: true,
    ignoreDeclaration: true,
    parseTagValue: false,
    trimValues: false,
    processEntities: false,
    cdataPropName: "#cdata",
    onDangerousProperty: (name) => name, // a record without a prototype may have a `toString`
    maxNestedTags: MAX_XML_DEPTH,
  });
  try {
    return contentOf(parser.parse(document)) as XmlRecord;
  } catch {
    // What the parser says may repeat the document: `<constructor>` for one, a name that it rightly refuses.
    throw broken("it has a name that is not one of AWS's");
  }
}

/** The elements of a list, which XML shows as nothing, one value, or several. */
export function asList(value: unknown): readonly unknown[] {
  return value === undefined || value === "" ? [] : Array.isArray(value) ? value : [value];
}

/**
 * The valibot schema of a list in an answer: `<Topics><member>…</member><member>…</member></Topics>`, empty or absent.
 * With `name` undefined, the list of S3, whose elements stand side by side without one around them.
 */
export function xmlList<Schema extends v.GenericSchema>(
  item: Schema,
  name?: string,
): v.GenericSchema<unknown, v.InferOutput<Schema>[]> {
  return v.optional(
    v.pipe(
      v.unknown(),
      v.transform((value) => asList(name && value ? (value as XmlRecord)[name] : value)),
      v.array(item),
    ),
    "",
  ) as v.GenericSchema<unknown, v.InferOutput<Schema>[]>;
}

/** Refuses what must not reach the parser. */
function inspect(text: string): void {
  if (text.length > MAX_XML_LENGTH) throw broken(`it is longer than ${MAX_XML_LENGTH} characters`);
  const open: string[] = [];
  let roots = 0;
  for (PIECE.lastIndex = 0; PIECE.lastIndex < text.length;) {
    const at = PIECE.lastIndex;
    const piece = PIECE.exec(text)?.groups;
    if (!piece) {
      PIECE.lastIndex = 0;
      throw broken(
        text.startsWith("<!D", at)
          ? "it has a document type"
          : `it breaks off or is not well-formed at character ${at}`,
      );
    }
    const { start, end, empty, text: characters, declaration } = piece;
    if (start) {
      if (!open.length && roots++) throw broken("it has two roots");
      if (open.length >= MAX_XML_DEPTH) throw broken(`it is nested deeper than ${MAX_XML_DEPTH} elements`);
      if (!empty) open.push(start);
    } else if (end) {
      if (open.pop() !== end) throw broken(`an element is closed that is not open at character ${at}`);
    } else if (declaration ? at > 0 : !open.length && characters?.trim()) {
      throw broken(`something stands where it must not at character ${at}`);
    }
  }
  if (open.length || !roots) throw broken(roots ? "it breaks off" : "it has no root");
}

function broken(why: string): SyntaxError {
  return new SyntaxError(`Cannot read XML as ${why}`);
}

/** A node of the parser: one element's or text's name, and what it holds. */
type Node = Readonly<Record<string, unknown>>;

function contentOf(nodes: readonly Node[]): XmlValue {
  const children: Record<string, XmlValue | XmlValue[]> = Object.create(null);
  let text = "";
  let leaf = true;
  for (const node of nodes) {
    for (const [name, inner] of Object.entries(node)) {
      if (name === "#text") text += unescape(String(inner));
      else if (name === "#cdata") text += (inner as Node[])[0]?.["#text"] ?? "";
      else {
        leaf = false;
        const value = contentOf(inner as Node[]);
        const known = children[name];
        if (known === undefined) children[name] = value;
        else if (Array.isArray(known)) known.push(value);
        else children[name] = [known, value];
      }
    }
  }
  return leaf ? text : children;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** Replaces the five named entities and numeric references, in one pass: `&amp;lt;` becomes `&lt;`, not `<`. */
function unescape(text: string): string {
  return text.replace(/&(?:#(?:x([\dA-Fa-f]+)|(\d+))|(\w+));/g, (_, hex, decimal, name) => {
    if (name) return ENTITIES[name];
    const code = hex ? parseInt(hex, 16) : Number(decimal);
    if (code === 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) throw broken("it has no such character");
    return String.fromCodePoint(code);
  });
}
