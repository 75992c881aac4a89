/** By value that was read: reads it again, leaving Python's types the objects that they are on the wire. */
export const rereaders = /* @__PURE__ */ new WeakMap<object, () => unknown>();

/**
 * What was read, as it was written: what is only passed on must arrive as it was sent, and a Decimal that became a string
 * would stay one.
 */
export function asWritten(value: object): unknown {
  return rereaders.get(value)?.() ?? value;
}
