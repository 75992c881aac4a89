import assert from "node:assert/strict";
import { type Linked, LinkedList } from "../lib/linked_list.ts";
import fc from "./support/fast_check.ts";

interface Item extends Linked<Item> {
  readonly id: number;
}

Deno.test("LinkedList keeps what an array would, in its order, whatever is deleted meanwhile", () => {
  const step = fc.record({ add: fc.boolean(), at: fc.nat(), walk: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const list = new LinkedList<Item>();
    const model: Item[] = [];
    steps.forEach(({ add, at, walk }, id) => {
      if (add || !model.length) {
        const item: Item = { id };
        list.add(item);
        model.push(item);
      } else {
        const [item] = model.splice(at % model.length, 1);
        assert.equal(list.delete(item!), true);
        assert.equal(list.delete(item!), false);
        // One that is gone must not keep others alive.
        assert.deepEqual([item!.previous, item!.next], [undefined, undefined]);
      }
      if (walk) {
        const seen = model.slice();
        for (const item of list) {
          assert.equal(item, seen.shift());
          if (item.id % 3 === 0) {
            list.delete(item);
            model.splice(model.indexOf(item), 1);
          }
        }
        assert.equal(seen.length, 0);
      }
      assert.equal(list.size, model.length);
      assert.deepEqual([...list].map(({ id }) => id), model.map(({ id }) => id));
    });
  }));
});
