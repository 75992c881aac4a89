/**
 * The message of every scenario: a small order, and what kombu writes for it.
 *
 * @module
 */

/** The body of an order. */
export const order = (id: number): object => ({
  id,
  customer: `customer-${id % 997}`,
  amount: id % 10_000 / 100,
  lines: ["tea", "rice", "kelp"],
  note: "ring twice, then leave it at the back door",
});

export const HEADERS = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };

/** The text of an order's message, as a kombu producer has it: about 700 bytes. */
export const envelope = (id: number): string =>
  btoa(JSON.stringify({
    body: btoa(JSON.stringify(order(id))),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: HEADERS,
    properties: {
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: "orders-0" },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: `4b6b1d8e-7b1c-4c55-9f0c-${String(id).padStart(12, "0")}`,
    },
  }));
