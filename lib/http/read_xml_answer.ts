/**
 * Reads answers in XML: the query protocol's and S3's.
 *
 * @module
 */
import { type Asked, badAnswer, type Fault, firstLine } from "./answer.ts";
import { readText } from "./read_text.ts";
import { MAX_XML_LENGTH, readXml, type XmlRecord, type XmlValue } from "./xml.ts";

/**
 * Reads an XML answer.
 *
 * @param toError Makes the error for what AWS said; `awsError` of `answer.ts`, or a service's own that knows its codes.
 * @returns The document's root by its name; an empty record for a good answer without a body.
 * @throws {AwsError} For an error answer, made by `toError`; for HTML, half of a body or hostile XML, as not readable.
 */
export async function readXmlAnswer(
  response: Response,
  asked: Asked,
  toError: (fault: Fault) => Error,
): Promise<XmlRecord> {
  const text = await readText(response, MAX_XML_LENGTH);
  if (text === undefined) throw badAnswer(asked, response, `it is longer than ${MAX_XML_LENGTH} characters`);
  let xml: XmlRecord;
  try {
    xml = text.trim() === "" ? Object.create(null) : await readXml(text);
  } catch (cause) {
    if (response.ok) throw badAnswer(asked, response, what(text, cause));
    throw toError({ awsCode: `Http${response.status}`, message: what(text, cause) });
  }
  // S3 begins a long answer with 200 and may end it with an error.
  const error = field(xml.ErrorResponse, "Error") ?? xml.Error;
  if (response.ok && error === undefined) return xml;
  throw toError({
    awsCode: textOf(field(error, "Code")) || `Http${response.status}`,
    message: textOf(field(error, "Message")) || (error || !text.trim() ? "no message" : what(text)),
  });
}

/** A child element, where the value has children. */
function field(value: XmlValue | undefined, name: string): XmlValue | undefined {
  return typeof value === "object" && !Array.isArray(value) ? (value as XmlRecord)[name] : undefined;
}

function textOf(value: XmlValue | undefined): string {
  return typeof value === "string" ? firstLine(value.trim()) : "";
}

/** Says what a body is that should have been XML, without repeating it. */
function what(text: string, cause?: unknown): string {
  if (/^\s*<(?:!doctype\s+html|html)/i.test(text)) return "it is an HTML page";
  if (/^\s*[{[]/.test(text)) return "it is JSON";
  return cause instanceof SyntaxError ? cause.message.replace("Cannot read XML as ", "") : "it is none of AWS";
}
