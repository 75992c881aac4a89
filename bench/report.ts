/**
 * Writes what was measured as Markdown and plots.
 *
 * @module
 */
import type { Measured } from "./harness.ts";
import { bars, lines } from "./plot.ts";
import { DASHI, type Effort, FLOOR, KOMBU, type Row, SDK, type Start, UNCHECKED } from "./scenarios.ts";
import config from "./deno.json" with { type: "json" };

/** All that a run measured. */
export interface Results {
  readonly consume: readonly Row[];
  readonly publish: readonly Row[];
  readonly latency: readonly Row[];
  readonly queues: readonly Row[];
  readonly start: readonly Start[];
  readonly memory: Measured;
  readonly payloadMiB: number;
  /** What `payload_stream.ts` prints. */
  readonly payloads: string;
  /** What `payload_mix.ts` prints. */
  readonly payloadMix: string;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const fixed = (value: number, digits = 2): string => value.toFixed(digits);

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => at ? "--:" : ":--")), ...rows.map(line)].join("\n");
}

const at = (rows: readonly Row[], name: string, setting = 8): Row | undefined =>
  rows.find((row) => row.name === name && row.setting === setting) ?? rows.find((row) => row.name === name);

/** The rows of one setting, fastest first, beside the floor. */
function speeds(rows: readonly Row[], setting: number): string {
  const floor = at(rows, FLOOR, setting)!;
  const of = rows.filter((row) => row.setting === setting || row.name === KOMBU).sort((a, b) => b.speed - a.speed);
  return table(
    ["client", "messages/s", "of the floor", "CPU µs a message", "of the floor", "requests a message", "server's core"],
    of.map(({ name, speed, cpu, requests, server }) => [
      name,
      whole(speed),
      fixed(speed / floor.speed),
      fixed(cpu, 1),
      fixed(cpu / floor.cpu),
      fixed(requests, 3),
      `${Math.round(server * 100)} %`,
    ]),
  );
}

/** The ratios that the library is built for, beside what this run gave. */
export function aims(consume: readonly Row[]): string {
  const floor = at(consume, FLOOR)!;
  const dashi = at(consume, DASHI)!;
  const unchecked = at(consume, UNCHECKED)!;
  const sdk = at(consume, SDK)!;
  const kombu = at(consume, KOMBU);
  const rows: [string, string, string][] = [
    ["throughput, MD5 off, to the floor's", "0.6 or more", fixed(unchecked.speed / floor.speed)],
    ["throughput, MD5 checked, to the floor's", "0.5 or more", fixed(dashi.speed / floor.speed)],
    ["throughput, MD5 checked, to the AWS SDK v3's", "4 or more", fixed(dashi.speed / sdk.speed, 1)],
    ["throughput, MD5 checked, to kombu's", "30 or more", kombu ? fixed(dashi.speed / kombu.speed, 1) : "skipped"],
    ["CPU a message, MD5 off, to the floor's", "2 or less", fixed(unchecked.cpu / floor.cpu)],
    ["CPU a message, MD5 checked, to the floor's", "2 or less", fixed(dashi.cpu / floor.cpu)],
    ["CPU a message, the AWS SDK v3's to ours", "", fixed(sdk.cpu / dashi.cpu, 1)],
  ];
  return table(["ratio at eight polls", "aim", "this run"], rows);
}

function across(rows: readonly Row[], settings: readonly number[]): string {
  const names = [...new Set(rows.map(({ name }) => name))];
  return table(
    ["client", ...settings.map(String)],
    names.map((name) => [
      name,
      ...settings.map((setting) => {
        const row = rows.find((row) => row.name === name && row.setting === setting);
        return row ? whole(row.speed) : "–";
      }),
    ]),
  );
}

function machine(): string {
  const { hardwareConcurrency } = navigator;
  const cpu = Deno.build.os === "linux"
    ? /model name\s*:\s*(.*)/.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1].trim()
    : undefined;
  const memory = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  return `${cpu ?? Deno.build.arch}, ${hardwareConcurrency} cores, ${memory} GiB, ${Deno.build.os}; ` +
    `load average at the end ${Deno.loadavg().map((load) => load.toFixed(1)).join(", ")}`;
}

const versions = (kombu: string): string =>
  [
    `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`,
    ...["aws4fetch", "@aws-sdk/client-sqs", "sqs-consumer", "squiss-ts"].map((name) =>
      config.imports[name as keyof typeof config.imports].replace(/^npm:(.*)@/, "$1 ")
    ),
    kombu || "kombu skipped",
  ].join(", ");

/** How a run was made. */
export interface Run {
  readonly effort: Effort;
  /** Of all but the tables of consuming. */
  readonly few: Effort;
  readonly minutes: number;
  /** The versions of Python and kombu, if they are there. */
  readonly kombu: string;
}

/** The page and its plots. */
export async function report(results: Results, run: Run): Promise<{ text: string; plots: Record<string, string> }> {
  return { text: pageOf(results, run), plots: await plotsOf(results) };
}

async function plotsOf({ consume, publish, queues, memory }: Results): Promise<Record<string, string>> {
  const atEight = (rows: readonly Row[]) => rows.filter(({ setting, name }) => setting === 8 || name === KOMBU);
  const speedsOf = (rows: readonly Row[]) => atEight(rows).map(({ name, speed }) => ({ name, speed }));
  const heap = memory.heap!.map((mb, at) => ({ name: "heap", thousand: (at + 1) * memory.messages / 10_000, mb }));
  return {
    consume: await bars(speedsOf(consume), "speed", "messages a second, eight polls"),
    cpu: await bars(
      atEight(consume).map(({ name, cpu }) => ({ name, cpu })),
      "cpu",
      "µs of CPU a message, eight polls",
    ),
    publish: await bars(speedsOf(publish), "speed", "messages a second, eight requests side by side"),
    queues: await lines(
      queues.map(({ name, setting, speed }) => ({ name, queues: setting, speed })),
      { field: "queues", title: "queues", log: true },
      { field: "speed", title: "messages a second" },
    ),
    memory: await lines(
      heap,
      { field: "thousand", title: "thousand messages" },
      { field: "mb", title: "MB of heap in use" },
    ),
  };
}

function pageOf(results: Results, { effort, few, minutes, kombu }: Run): string {
  const { rounds, warmUp, seconds } = effort;
  const { consume, publish, latency, queues, start, memory, payloadMiB, payloads, payloadMix } = results;
  return `# Benchmarks

Written by \`deno task bench\`; run it to have your own. ${versions(kombu)}.

Machine: ${machine()}. Minutes: ${whole(minutes)}.
Rounds: ${rounds} of consuming; ${few.rounds} of publishing, latency, queues and small beside large; 5 of the start.

**Read the ratios.** All clients of a table ran in turn, each in a process of its own, round after round, and the tables
show medians; but the machine may have had other work, which a figure by itself shows and a ratio hides. CPU a message
is the steadier of the two: other work lengthens the time more than it lengthens the work.

What is measured: a canned server in a process of its own speaks SQS's JSON protocol over plain http on the same
machine. Its queues never end; each receive brings ten messages, kombu envelopes of about 700 bytes around a small JSON
body, with right MD5s. Its answers are made beforehand, and "server's core" shows how far it was from being the
bottleneck: the floor's publishing alone comes near. Each client warms up for ${warmUp} s, as V8 takes some of them to compile
the larger ones, then ${seconds} s of CPU are measured, or ${
    seconds * 2
  } s where it waits. All but kombu run in Deno, bundled by esbuild.

The floor does less than any client may: no signature, no checks, no decoding; \`fetch\`, \`JSON.parse\`, and batched
deletes that are under way during the next receive. aws4fetch and the AWS SDK run in the same loop; the AWS SDK checks
MD5s. sqs-consumer and squiss-ts have one consumer a poll. They hand bodies over as they came, base64 and all. This
library's \`consume\`, with a prefetch of 40 a poll, signs, checks MD5s, decodes the envelope and the body, keeps messages
invisible, and acks in batches; kombu does the like, on one poll, and acks one by one.

## Consuming

![Messages a second at eight polls](benchmarks/consume.svg)

At eight polls:

${speeds(consume, 8)}

${aims(consume)}

![CPU a message at eight polls](benchmarks/cpu.svg)

At one poll:

${speeds(consume, 1)}

With 20 ms of latency, messages a second by polls:

${across(latency, [1, 8])}

Messages a second by queues, with eight polls or one a queue if that is more:

${across(queues, [1, 8, 64, 256])}

![Messages a second by queues](benchmarks/queues.svg)

## Publishing

![Messages a second while publishing](benchmarks/publish.svg)

\`publishAll\` encodes each message, checks it, and checks the answer's MD5; by hand, ten copies of one text that was
written beforehand are sent. Eight requests side by side:

${speeds(publish, 8)}

One request at a time:

${speeds(publish, 1)}

## Start

Milliseconds from when Deno begins with the program: what it takes to start itself comes before, and is the same for all.

${
    table(
      ["client", "modules are there", "first message"],
      [...start].sort((a, b) => a.first - b.first).map(({ name, imported, first }) => [
        name,
        whole(imported),
        whole(first),
      ]),
    )
  }

## Memory

${whole(memory.messages)} messages through \`consume\`: the heap in use after a collection at each tenth was ${
    memory.heap!.map((mb) => fixed(mb, 1)).join(", ")
  } MB; the process had ${whole(memory.rss!)} MB at the end.

![Heap in use over all messages](benchmarks/memory.svg)

## Payload streams

${payloadMiB} MiB as one payload, through \`s3Payloads\` (in parts, each with its checksum, read back and checked) and through a plain
\`fetch\`, taking turns; the best round of each. The CPU is this process's own, the last column is the most that it grew. 0.8 of
fetch is aimed at, and less than 64 MiB.

\`\`\`
${payloads}
\`\`\`

## Small messages beside large ones

10,000 small messages, alone and then beside 1,000 payloads of 300 KB in S3, which the loop gets whole and checked; SQS and S3
answer from processes of their own. "steady" is a service's load: 1,000 small ones and 100 large ones a second, 20 ms for
each request, and how long a small one takes from its arrival in the queue into the loop. 10 % later is the most that is
aimed at. The best round of each is shown. "backlog" has all of them wait there at the start, "backlog at once" without any latency: then one thread's time is
all that there is, and 300 MB more to fetch, check and decode take what they take, about 3 ms each.

\`\`\`
${payloadMix}
\`\`\`
`;
}
