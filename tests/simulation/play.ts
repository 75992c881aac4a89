/**
 * Plays a program, and gives all that was seen of it.
 *
 * @module
 */
import { consuming } from "./consuming.ts";
import type { History } from "./history.ts";
import type { Actor, Program } from "./program.ts";
import { doing, publishing } from "./publishing.ts";
import { makeWorld, type World } from "./world.ts";

/** Plays a program. */
export async function play(program: Program): Promise<History> {
  const world = makeWorld(program);
  const { sqs: { clock }, background, thrown } = world;
  const actors: readonly Actor[] = [...program.consumers, ...program.publishers, ...program.others];
  const unhandled: unknown[] = [];
  const hear = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", hear);
  let stuck: unknown;
  try {
    await clock.run(async () => {
      await Promise.all(actors.map((actor) => act(world, actor).catch((error) => void thrown.push(error))));
      for (let done = 0; done < background.length; done++) await background[done];
      await clock.sleep(200); // what nobody waits for any more
    }, { limit: 4000 });
    await clock.settle();
  } catch (error) {
    stuck = error;
  }
  globalThis.removeEventListener("unhandledrejection", hear);
  const waits = clock.waits.map(({ label }) => label).filter((label) => label !== "a sleep of Infinity s");
  return { ...world, unhandled, waits, stuck };
}

async function act(world: World, actor: Actor): Promise<void> {
  await world.sqs.clock.sleep(actor.at);
  if ("loop" in actor) await consuming(world, actor);
  else if ("messages" in actor) await publishing(world, actor);
  else await doing(world, actor);
}
