import assert from "node:assert/strict";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import {
  connect,
  consume,
  type ConsumeOptions,
  type DashiEvent,
  decode,
  type Deliveries,
  type Delivery,
  forEach,
  json,
  type LeaveUndecodable,
  type PayloadStore,
  pipe,
  receive,
  type ReceiveOptions,
  resolvePayloads,
  type ResolvePayloadsOptions,
  type UndecodableDelivery,
  type UndecodableOptions,
  validate,
} from "@dashi/sqs";
import type { GetObjectOutput } from "@dashi/sqs/s3";
import { memorySqs } from "@dashi/sqs/testing";
import { all, setUp } from "./setup.ts";

/** True where two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
/** Does not compile unless it is told `true`. */
const holds = <T extends true>(_?: T) => {};

interface Order {
  id: number;
}
const withValibot = v.object({ id: v.number() });
const withZod = z.object({ id: z.number() });
const withArktype = type({ id: "number" });
const broker = connect(memorySqs().connectOptions);

Deno.test("types: without a schema the body is unknown", () => {
  const deliveries = consume(broker, "q");
  holds<Same<typeof deliveries, Deliveries<Delivery<unknown>>>>();
});

Deno.test("types: with a schema it is the schema's output", () => {
  const valibot = consume(broker, "q", { schema: withValibot });
  holds<Same<typeof valibot, Deliveries<Delivery<Order>>>>();
  holds<Same<Deliveries, Deliveries<Delivery<unknown>>>>();
  const zod = consume(broker, "q", { schema: withZod });
  holds<Same<typeof zod, Deliveries<Delivery<Order>>>>();
  const arktype = consume(broker, "q", { schema: withArktype });
  holds<Same<typeof arktype, Deliveries<Delivery<Order>>>>();
  const changed = consume(broker, "q", {
    schema: v.pipe(v.object({ id: v.number() }), v.transform(({ id }) => `${id}`)),
  });
  holds<Same<typeof changed, Deliveries<Delivery<string>>>>();
});

Deno.test("types: onUndecodable: deliver adds those that could not be read, told apart by error", () => {
  const deliveries = consume(broker, "q", { schema: withValibot, onUndecodable: "deliver" });
  holds<Same<typeof deliveries, Deliveries<Delivery<Order> | UndecodableDelivery>>>();
  const look = (delivery: Delivery<Order> | UndecodableDelivery) => {
    if (delivery.error) {
      holds<Same<typeof delivery.body, string>>();
      holds<Same<typeof delivery.error, Error>>();
    } else holds<Same<typeof delivery.body, Order>>();
  };
  void look;
  // @ts-expect-error: a body that may be raw text has no id
  void (({ body }: Delivery<Order> | UndecodableDelivery) => body.id);
  const left = consume(broker, "q", { schema: withValibot, onUndecodable: "leave" });
  holds<Same<typeof left, Deliveries<Delivery<Order>>>>();
});

Deno.test("types: options of which it is not known what they do with the undecodable may deliver them", () => {
  const policy = "leave" as "leave" | "deliver";
  const options: ConsumeOptions<typeof withZod> = { schema: withZod, onUndecodable: policy };
  const deliveries = consume(broker, "q", { schema: withZod, onUndecodable: policy });
  holds<Same<typeof deliveries, Deliveries<Delivery<Order> | UndecodableDelivery>>>();
  // @ts-expect-error: one that could not be read may be among them
  void (() => consume(broker, "q", options) satisfies Deliveries<Delivery<Order | undefined>>);
  const source = receive(broker, "q", { onUndecodable: policy });
  holds<Same<typeof source, Deliveries<Delivery<string> | UndecodableDelivery>>>();
  // @ts-expect-error: a transform that leaves them is not given them
  void (() => pipe(source, decode(json())));
  void (() => pipe(source, decode(json(), { onUndecodable: policy }), validate(withZod, { onUndecodable: policy })));
});

Deno.test("types: a function of one's own hands its optional options on", () => {
  void ((options?: ConsumeOptions) => consume(broker, "q", options));
  void ((options?: ConsumeOptions & LeaveUndecodable) => consume(broker, "q", options));
  void ((options?: ReceiveOptions) => receive(broker, "q", options));
  void ((options?: UndecodableOptions) => [decode(json(), options), validate(withZod, options)]);
  void ((store: PayloadStore, options?: ResolvePayloadsOptions) => resolvePayloads(store, options));
});

Deno.test("types: with lazy payloads a body may be undefined", () => {
  const lazy = consume(broker, "q", { schema: withValibot, payloads: "lazy" });
  holds<Same<typeof lazy, Deliveries<Delivery<Order | undefined>>>>();
  const both = consume(broker, "q", { schema: withValibot, payloads: "lazy", onUndecodable: "deliver" });
  holds<Same<typeof both, Deliveries<Delivery<Order | undefined> | UndecodableDelivery>>>();
  const eager = consume(broker, "q", { schema: withValibot, payloads: "eager" });
  holds<Same<typeof eager, Deliveries<Delivery<Order>>>>();
});

Deno.test("types: a payload's stream goes through the runtime's own transforms", () => {
  void (({ stream }: Delivery) => stream().pipeThrough(new TextDecoderStream()));
  void (({ body }: GetObjectOutput) => body.pipeThrough(new DecompressionStream("gzip")));
});

Deno.test("types: each event is found by its type", () => {
  type Of<Type extends DashiEvent["type"]> = Extract<DashiEvent, { type: Type }>;
  type Lost<Type> = Type extends DashiEvent["type"] ? [Of<Type>] extends [never] ? Type : never : never;
  holds<Same<Lost<DashiEvent["type"]>, never>>();
});

Deno.test("types: the transforms say the same", () => {
  const source = receive(broker, "q");
  holds<Same<typeof source, Deliveries<Delivery<string>>>>();
  const decoded = pipe(source, decode(json()));
  holds<Same<typeof decoded, AsyncIterable<Delivery<unknown>>>>();
  const orders = pipe(source, decode(json()), validate(withZod));
  holds<Same<typeof orders, AsyncIterable<Delivery<Order>>>>();
  const mixed = pipe(
    source,
    decode(json(), { onUndecodable: "deliver" }),
    validate(withValibot, { onUndecodable: "deliver" }),
  );
  holds<Same<typeof mixed, AsyncIterable<Delivery<Order> | UndecodableDelivery>>>();
});

Deno.test("types: forEach() gives the handler what the deliveries are", () => {
  const handle = () =>
    forEach(consume(broker, "q", { schema: withArktype }), (delivery) => {
      holds<Same<typeof delivery, Delivery<Order>>>();
    });
  void handle;
});

for (const [name, schema] of Object.entries({ withValibot, withZod, withArktype })) {
  Deno.test(`${name}: one that fits is handed over, one that does not is left`, async () => {
    const test = setUp();
    await test.sqs.sendMessage("q", '{"id":1}');
    await test.sqs.sendMessage("q", '{"id":"one"}');
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", {
        schema: schema as typeof withValibot,
        maxSeconds: 1,
        ack: "none",
      });
      assert.deepEqual((await all(deliveries)).map(({ body }) => body), [{ id: 1 }]);
    });
    assert.match(test.of("drop")[0].error!.message, /at 'id' does not fit the schema/);
  });
}
