import { batch } from "../../lib/streams/batch.ts";
import { filterMap } from "../../lib/streams/filter_map.ts";
import { mapConcurrent } from "../../lib/streams/map_concurrent.ts";
import { pipe } from "../../lib/streams/pipe.ts";
import { readAhead } from "../../lib/streams/read_ahead.ts";
import { type PlainItem, plainItem as item, testContract } from "./contract.ts";

const one = ({ index }: PlainItem) => [index];
const each = (items: PlainItem[]) => items.map(({ index }) => index);
const same = (value: PlainItem) => value;
const later = (value: PlainItem) => Promise.resolve(value).then(same);

testContract({ name: "filterMap(sync)", make: () => filterMap(same), item, indexes: one, ahead: 0 });
testContract({ name: "filterMap(async)", make: () => filterMap(later), item, indexes: one, ahead: 0 });
for (const n of [1, 3, 100]) {
  testContract({ name: `readAhead(${n})`, make: () => readAhead<PlainItem>(n), item, indexes: one, ahead: n });
  testContract({ name: `mapConcurrent(${n})`, make: () => mapConcurrent(n, later), item, indexes: one, ahead: n });
}
testContract({ name: "mapConcurrent(sync)", make: () => mapConcurrent(3, same), item, indexes: one, ahead: 3 });
testContract({
  name: "mapConcurrent(ordered)",
  make: () => mapConcurrent(3, later, { ordered: true }),
  item,
  indexes: one,
  ahead: 3,
});
testContract({
  name: "mapConcurrent(keyOf)",
  make: () => mapConcurrent(3, later, { keyOf: ({ index }) => String(index % 2) }),
  item,
  indexes: one,
  ahead: 3,
});
for (const n of [1, 2]) {
  testContract({
    name: `batch(${n})`,
    make: () => batch<PlainItem>(n, Infinity),
    item,
    indexes: each,
    ahead: n,
    group: n,
  });
}
testContract({
  name: "pipe(readAhead, mapConcurrent, filterMap, batch)",
  make: () => (source) =>
    pipe(source, readAhead(2), mapConcurrent(2, later), filterMap((x) => x), batch(2, Infinity), filterMap((x) => x)),
  item,
  indexes: each,
  ahead: 6,
  group: 2,
});
