/** A piece of the text: with `step`, a bracket, which opens (1) or closes (-1) a container. */
interface Token {
  readonly text: string;
  readonly kind: "bracket" | "text" | "quoted" | "mark";
  readonly step?: number;
}

/** Celery's `task_repr_maxlevels`: containers within containers that are shown. */
const MAX_LEVELS = 3;
/** Celery's `argsrepr_maxsize`. */
const MAX_LENGTH = 1024;

/**
 * Writes a value as Celery's `saferepr()` shows it in logs and in Flower: Python's syntax, cut after about 1,024
 * characters and three levels.
 *
 * @param value The value; an array at the top is shown as the tuple that Celery sends.
 * @returns The text.
 */
export function pythonRepr(value: unknown): string {
  let left = MAX_LENGTH;
  let text = "";
  let cut = false;
  let depth = 0;
  for (const token of tokens(value, 0, Array.isArray(value))) {
    const { kind, step = 0 } = token;
    if (cut) {
      // Only the brackets that are open already are closed.
      depth += step;
      if (depth < 0) {
        depth = 0;
        text += token.text;
      }
      continue;
    }
    if (left <= 0 && step >= 0) {
      text += ", ...";
      cut = true;
      depth += step;
      continue;
    }
    const shown = kind === "quoted"
      ? `'${truncate(token.text, left).replaceAll("'", "\\'")}'`
      : kind === "text"
      ? truncate(token.text, left)
      : token.text;
    text += shown;
    left -= shown.length;
  }
  return text;
}

function truncate(text: string, length: number): string {
  return length > 0 && text.length >= length ? text.slice(0, length).replace(/ [^ ]*$/, "") + "..." : text;
}

function* tokens(value: unknown, level: number, tuple = false): Generator<Token> {
  if (typeof value === "string") return yield { text: value, kind: "quoted" };
  if (typeof value !== "object" || value === null) return yield { text: scalar(value), kind: "text" };
  if (value instanceof Date) return yield { text: iso(value), kind: "quoted" };
  if (value instanceof Uint8Array) return yield { text: `<${value.length} bytes>`, kind: "text" };
  const { __type__: type, __value__: written } = value as { __type__?: unknown; __value__?: any };
  const typed = written?.hex ?? written;
  // One of Python's types that is only passed on.
  if (type && typeof typed === "string") return yield { text: typed, kind: "quoted" };
  const list = Array.isArray(value);
  const [open, close] = tuple ? ["(", list && value.length === 1 ? ",)" : ")"] : list ? "[]" : "{}";
  if (level >= MAX_LEVELS) return yield { text: `${open}...${close}`, kind: "bracket" };
  yield { text: open, kind: "bracket", step: 1 };
  let first = true;
  for (const entry of list ? value : Object.entries(value)) {
    if (!first) yield { text: ", ", kind: "mark" };
    first = false;
    if (list) {
      yield* tokens(entry, level + 1);
    } else {
      yield { text: entry[0], kind: "quoted" };
      yield { text: ": ", kind: "mark" };
      yield* tokens(entry[1], level + 1);
    }
  }
  yield { text: close, kind: "bracket", step: -1 };
}

function iso(date: Date): string {
  return Number.isNaN(+date) ? "None" : date.toISOString();
}

function scalar(value: unknown): string {
  if (value == null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" && !Number.isFinite(value)) {
    return Number.isNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";
  }
  return String(value);
}
