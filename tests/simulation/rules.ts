/**
 * What must hold of every program, a function a rule: each gives what breaks it, in words.
 *
 * @module
 */
import { DashiError } from "@dashi/sqs";
import { type Given, type History, OfTheUser, type Run } from "./history.ts";
import { numberIn } from "./tap.ts";

/** A rule. */
export type Rule = (history: History) => string[];

/** All of them, by name. */
export const RULES: Readonly<Record<string, Rule>> = {
  theProgramEnds: ({ stuck }) => stuck ? [String(stuck)] : [],
  nothingWaitsAfterTheEnd: ({ waits }) => [...waits],
  nothingIsUnhandled: ({ unhandled }) => unhandled.map(String),
  nothingIsLost,
  nothingIsDeletedUnasked,
  eachReceiveIsHandedOverOnce,
  whatIsHandedOverIsOurs,
  noMoreThanPrefetchIsHeld,
  groupsKeepTheirOrder,
  ackMeansDeleted,
  whatNobodyGotIsGivenBack,
  nothingIsHandedOverAfterTheEnd,
  aSignalFiresWhenAMessageIsLost,
  noQueueStarves: ({ starved }) => [...starved],
  failuresAreTyped,
  closedComesInTime,
  noAbortErrorIsTold,
  budgetsAreKept,
  requestsAreCounted,
  eachInputHasItsResult,
  payloadsGoWithTheirMessages,
  eventsAgree,
};

/** What breaks the rules, a line each. */
export function breaksOf(history: History): string[] {
  return Object.entries(RULES).flatMap(([name, rule]) => rule(history).map((what) => `${name}: ${what}`));
}

/** The numbers of all messages that are in a queue. */
function numbersLeft({ sqs }: History): Set<number | undefined> {
  return new Set(sqs.queueNames.flatMap((name) => sqs.messages(name).map(({ body }) => numberIn(body))));
}

/** Every message that SQS took is in a queue, or was deleted by a receipt handle, or purged. */
function nothingIsLost(history: History): string[] {
  const { published, ledger } = history;
  const left = numbersLeft(history);
  const deleted = new Set(
    [...ledger.handles].filter(([, handles]) => handles.some((handle) => ledger.deleted.has(handle)))
      .map(([messageId]) => ledger.numbers.get(messageId)),
  );
  return published.flatMap(({ queue, result }) =>
    (result?.sent ?? []).filter(({ messageId }) => {
      const n = ledger.numbers.get(messageId);
      return !left.has(n) && !deleted.has(n) && !ledger.purged.has(queue);
    }).map(({ messageId }) => `${messageId} of ${queue}`)
  );
}

/** A message is deleted by the user's word, or by a rule that an event tells of. */
function nothingIsDeletedUnasked({ ledger, given, events, runs }: History): string[] {
  const byHandle = new Map(given.map((one) => [one.handle, one]));
  const dropped = droppedIn(events);
  const none = new Set(runs.filter(({ plan }) => plan.options.ack === "none").map(({ plan }) => plan.broker));
  return ledger.taken.filter(({ handle, messageId, wire }) => {
    if (!ledger.deleted.has(handle) || dropped.has(messageId) || none.has(wire.broker)) return false;
    const one = byHandle.get(handle);
    if (!one) return true;
    const auto = one.run?.plan.options.ack === "auto" && !one.broken;
    const rejects = one.handled === "threw" && one.run?.plan.onError === "reject";
    return !(one.handled === "returned" || rejects || auto ||
      one.said.some(({ verb }) => verb === "ack" || verb === "reject"));
  }).map(({ messageId, queue }) => `${messageId} of ${queue}`);
}

/** The messages that a rule deletes, as events tell. */
function droppedIn(events: History["events"]): Set<string> {
  return new Set(
    events.flatMap((event) =>
      event.type === "drop" && /expired|payload-missing/.test(event.reason) ? [event.messageId] : []
    ),
  );
}

/** No receipt handle is handed over twice. */
function eachReceiveIsHandedOverOnce({ given }: History): string[] {
  const seen = new Set<string>();
  return given.filter(({ handle }) => seen.size === seen.add(handle).size).map(nameOf);
}

/** What is handed over is in flight, by the very receive that brought it. */
function whatIsHandedOverIsOurs({ given, ledger }: History): string[] {
  return given.filter((one) => {
    const { run, view, delivery, messageId, queue } = one;
    if (run && (run.plan.loop.endsWith("pipeline") || run.plan.options.ack === "none" || isBlind(run))) return false;
    if (ledger.meddled.has(messageId) || ledger.purged.has(queue)) return false;
    if (run && delivery.signal.aborted) return false;
    return view?.state !== "inFlight" || view.receiveCount !== delivery.receiveCount;
  }).map((one) => `${nameOf(one)}: ${one.view ? `${one.view.state} ${one.view.receiveCount}` : "gone"}`);
}

/** Without a heartbeat, nothing tells a slow answer to a long poll from a message that came late. */
function isBlind({ plan: { options, visibilityTimeout } }: Run): boolean {
  return options.heartbeat === false || visibilityTimeout === 0;
}

/** No more is held unsettled than prefetch allows. */
function noMoreThanPrefetchIsHeld({ given, program }: History): string[] {
  if (program.payloads) return []; // an ack waits for the removal of its payload, and its slot is free before
  return given.filter(({ run, unsettled }) => {
    const { prefetch = 10, ack } = run?.plan.options ?? {};
    return prefetch && (ack ?? "manual") === "manual" && unsettled > prefetch;
  }).map((one) => `${nameOf(one)}: ${one.unsettled} are held`);
}

/** In a FIFO group, what came before is gone or being deleted, or in the same hands and not given back. */
function groupsKeepTheirOrder({ given, ledger, events }: History): string[] {
  const dropped = droppedIn(events);
  return given.filter(({ run, at, before, queue, delivery }) => {
    if (run && (run.plan.loop.endsWith("pipeline") || isBlind(run) || run.plan.options.ack === "none")) return false;
    if (ledger.purged.has(queue) || delivery.signal.aborted) return false;
    return before.some(({ messageId, state }) => {
      if (dropped.has(messageId)) return false;
      const mine = given.findLast((one) => one.run === run && one.messageId === messageId && one.at <= at);
      const back = mine?.said.some(({ verb, at: then, error }) =>
        /retry|leave|release/.test(verb) && then < at && !error
      );
      // An ack that is under way for too long comes too late; nobody waits for it before the next.
      const acked = mine?.handled === "returned" || mine?.said.some(({ verb }) => verb === "ack");
      return (state === "visible" && !acked) || !mine || back;
    });
  }).map((one) => `${nameOf(one)}, before it ${one.before.map(({ messageId, state }) => `${messageId} ${state}`)}`);
}

/** ack() resolves when SQS has deleted, where it was the first verb and came in time. */
function ackMeansDeleted({ given, ledger }: History): string[] {
  return given.filter(({ handle, said }) => {
    const [first] = said.filter(({ verb }) => verb !== "extend");
    return first?.verb === "ack" && first.done && !first.late && !first.closed && !ledger.deleted.has(handle);
  }).map(nameOf);
}

/** What was received and not handed over is given back by the time `closed` settles, or told to be dropped. */
function whatNobodyGotIsGivenBack({ runs, ledger, events, given }: History): string[] {
  const handed = new Set(given.map(({ handle }) => handle));
  const told = new Set(
    events.flatMap((event) => /^(?:drop|release|heartbeat-ended)$/.test(event.type) ? [(event as any).messageId] : []),
  );
  const settled = new Set(
    ledger.wires.flatMap(({ action, input }) =>
      action.endsWith("Batch") && !action.startsWith("Send")
        ? input.Entries.map((entry: any) => entry.ReceiptHandle)
        : []
    ),
  );
  return runs.filter(({ own }) => own).flatMap(({ plan }) =>
    ledger.taken.filter(({ wire, handle, messageId }) =>
      wire.broker === plan.broker && wire.reached && !handed.has(handle) && !told.has(messageId) && !settled.has(handle)
    ).map(({ messageId, queue, at }) => `${messageId} of ${queue}, taken at ${at}`)
  );
}

/** After `break`, `stop()` or the signal nothing is handed over any more. */
function nothingIsHandedOverAfterTheEnd({ runs, events }: History): string[] {
  return runs.filter(({ own, plan }) => own && plan.options.ack !== "none").filter(({ plan, handovers }) =>
    events.filter(({ type, broker }) => type === "handover" && broker === plan.broker).length > handovers!
  ).map(({ plan }) => `broker ${plan.broker}`);
}

/** Whose message is another's by now is told so by its signal. */
function aSignalFiresWhenAMessageIsLost({ given, ledger }: History): string[] {
  return given.filter(({ unheard, messageId, queue, run }) => {
    if (!unheard || !run || isBlind(run) || ledger.meddled.has(messageId) || ledger.purged.has(queue)) return false;
    return (run.plan.options.ack ?? "manual") === "manual";
  }).map(nameOf);
}

/** What fails fails with an error of the library, or of the user's own. */
function failuresAreTyped({ thrown, given, runs }: History): string[] {
  const errors = [
    ...thrown,
    ...runs.map(({ error }) => error),
    ...given.flatMap(({ said }) => said.map(({ error }) => error)),
  ];
  return errors.filter((error) => error && !(error instanceof DashiError || error instanceof OfTheUser)).map((error) =>
    error instanceof Error ? error.stack ?? error.message : String(error)
  );
}

/** `closed` settles: after the grace, and what is asked of SQS at the end takes its time. */
function closedComesInTime({ runs }: History): string[] {
  return runs.filter(({ closed, ended, plan }) => {
    if (closed === undefined) return true;
    return ended !== undefined && closed - ended > (plan.options.graceSeconds ?? 25) + 120;
  }).map(({ plan, closed, ended }) => `broker ${plan.broker}, ended ${ended}, closed ${closed}`);
}

/**
 * Nobody is told of an AbortError, which is how the library stops its own work; but where a message was lost before, a
 * `reject()` after the end tells why it does nothing.
 */
function noAbortErrorIsTold({ events, given, runs, thrown }: History): string[] {
  const errors = [
    ...events.flatMap((event) => "error" in event ? [[event.type, event.error] as const] : []),
    ...given.flatMap(({ said }) => said.map(({ verb, error }) => [verb, error] as const)),
    ...runs.map(({ error }) => ["loop", error] as const),
    ...thrown.map((error) => ["verb", error] as const),
  ];
  const isTold = ([of, error]: readonly [string, unknown]) =>
    causes(error).some(({ name, message }) =>
      name === "AbortError" && !(of === "error" && message === "The consumer has ended")
    );
  return errors.filter(isTold).map(([of, error]) => `${of}: ${error}`);
}

function causes(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

/** Budgets of messages and of requests are kept; tries and what the user asks on top are not counted. */
function budgetsAreKept({ runs, events }: History): string[] {
  return runs.flatMap(({ plan, given, deliveries, own }) => {
    const { maxMessages = Infinity, maxRequests = Infinity } = plan.budget;
    const breaks: string[] = [];
    if (given.length > maxMessages) breaks.push(`${given.length} messages of ${maxMessages}`);
    if (!own) return breaks;
    const again = events.filter(({ type, broker }) => type === "retry" && broker === plan.broker).length;
    const failed = events.filter((event) => "error" in event && event.error && event.broker === plan.broker).length;
    const extra = given.reduce((sum, { said }) => sum + Math.max(0, said.length - 1), 0);
    if (deliveries.requests > maxRequests + again + failed + extra) {
      breaks.push(`${deliveries.requests} requests of ${maxRequests}, ${again} of them once more`);
    }
    return breaks;
  });
}

/** `requests` and the `request` events agree with what left. */
function requestsAreCounted({ runs, ledger, events }: History): string[] {
  const left = (broker: number) => ledger.wires.filter((wire) => wire.broker === broker).length;
  const told = (broker: number) => events.filter((event) => event.type === "request" && event.broker === broker).length;
  return [
    ...[0, 1, 2, 3].filter((broker) => left(broker) !== told(broker))
      .map((broker) => `broker ${broker} tells of ${told(broker)}, ${left(broker)} left`),
    ...runs.filter(({ own, plan, deliveries }) => own && deliveries.requests !== left(plan.broker))
      .map(({ plan, deliveries }) => `a consumer counts ${deliveries.requests}, ${left(plan.broker)} left`),
  ];
}

/** A result an input, in order. */
function eachInputHasItsResult({ counted, published, ledger }: History): string[] {
  return [
    ...counted.filter(({ inputs, results }) => inputs !== results)
      .map(({ inputs, results }) => `${results} results of ${inputs} inputs`),
    ...published.filter(({ n, queue, result }) =>
      !queue.endsWith(".fifo") && result?.sent.some(({ messageId }) => ledger.numbers.get(messageId) !== n)
    ).map(({ n }) => `the result of ${n} is another's`),
  ];
}

/** A payload is removed when its message is no more, and never before. */
function payloadsGoWithTheirMessages({ payloads }: History): string[] {
  return [...payloads].filter(([, { removed }]) => removed?.orphaned).map(([key, { removed }]) =>
    `${key} is removed ${removed?.undone ? "by the publisher" : "by a consumer"} and its message is not`
  );
}

/** Events tell what was seen: each handover, and each message that a receive brought. */
function eventsAgree({ runs, events, ledger }: History): string[] {
  return runs.filter(({ own }) => own).flatMap(({ plan, given }) => {
    const mine = events.filter(({ broker }) => broker === plan.broker);
    const handed = mine.filter(({ type }) => type === "handover").length;
    const told = mine.reduce((sum, event) => sum + (event.type === "receive" ? event.count : 0), 0);
    const got = ledger.taken.filter(({ wire }) => wire.reached && wire.broker === plan.broker).length;
    const breaks: string[] = [];
    if (plan.loop === "for" ? handed !== given.length : handed < given.length && plan.loop === "forEach") {
      breaks.push(`${handed} handovers are told of, ${given.length} seen`);
    }
    if (told < got) breaks.push(`${told} received messages are told of, ${got} came`);
    return breaks;
  });
}

function nameOf({ messageId, queue, at, run }: Given): string {
  return `${messageId} of ${queue} at ${at}${run ? ` to broker ${run.plan.broker}` : ""}`;
}

export { OfTheUser };
