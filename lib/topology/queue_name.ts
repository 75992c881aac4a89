import { InvalidQueueError } from "../errors.ts";

/**
 * Checks a name that is to go to SQS.
 *
 * @param name The canonical name.
 * @throws {InvalidQueueError} Unless it is 1 to 80 letters, digits, `-` and `_`; a `.fifo` at the end counts.
 */
export function assertQueueName(name: string): void {
  if (name.length > 80 || !/^[\w-]+(?:\.fifo)?$/.test(name)) {
    throw new InvalidQueueError(
      `Cannot use the queue name ${
        JSON.stringify(name.slice(0, 100))
      } as it must be 1 to 80 letters, digits, - and _: ` +
        "the prefix and '.fifo' count",
    );
  }
}
