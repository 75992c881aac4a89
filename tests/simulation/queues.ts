/**
 * The queues of a program.
 *
 * @module
 */
import type { MemorySqs } from "@dashi/sqs/testing";
import type { Program } from "./program.ts";

/** The name of a queue's dead-letter queue. */
export function deadOf(queue: string): string {
  return `dead-${queue}`;
}

/** What a queue is made with. */
export function attributesOf(program: Program, name: string): Record<string, string | number> {
  const { visibility, maxReceives } = program.queues[Number(/\d+/.exec(name)![0])];
  if (maxReceives === null) return { VisibilityTimeout: visibility };
  const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${deadOf(name)}`;
  return {
    VisibilityTimeout: visibility,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: maxReceives }),
  };
}

/** Makes a program's queues, and gives their names. */
export function makeQueues(sqs: MemorySqs, program: Program): string[] {
  return program.queues.map(({ fifo, maxReceives }, index) => {
    const name = `q${index}${fifo ? ".fifo" : ""}`;
    if (maxReceives !== null) sqs.createQueue(deadOf(name));
    sqs.createQueue(name, attributesOf(program, name));
    return name;
  });
}
