/**
 * The part of `fast-xml-parser` that is used, in a module of its own: one that is loaded when the first answer comes, and
 * without the writer and the checker beside it in a bundle.
 *
 * @module
 */
export { XMLParser } from "fast-xml-parser";
