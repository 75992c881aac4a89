/**
 * What every SQS request has in common: AWS's JSON protocol.
 *
 * @module
 */
import type * as v from "valibot";
import { badAnswer } from "../http/answer.ts";
import type { AwsRequest, StandardSchemaV1 } from "../types.ts";
import { readJson } from "./read_json.ts";

/** The input of an action: fields that are undefined are left out. */
type Input = { readonly QueueUrl?: string; readonly SourceArn?: string } & Readonly<Record<string, unknown>>;

/**
 * Builds a request of SQS's JSON protocol.
 *
 * @param action The API action.
 * @param input The JSON input.
 * @param schema What a good answer must look like; without it the action has no output.
 * @param read Makes the output of a good answer.
 */
export function sqsRequest(action: string, input: Input): AwsRequest<void>;
export function sqsRequest<Schema extends v.GenericSchema, Output>(
  action: string,
  input: Input,
  schema: Schema,
  read: (answer: v.InferOutput<Schema>) => Output,
): AwsRequest<Output>;
export function sqsRequest(
  action: string,
  input: Input,
  schema?: v.GenericSchema,
  read?: (answer: unknown) => unknown,
): AwsRequest<unknown> {
  const asked = { service: "sqs", action } as const;
  return {
    ...asked,
    method: "POST",
    path: "/",
    query: {},
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    body: JSON.stringify(input),
    target: input.QueueUrl ?? input.SourceArn,
    async parse(response) {
      const json = await readJson(response, asked, !schema);
      if (!schema) return;
      // As Standard Schema has it, since all of valibot's own way would be in the bundle, too.
      const { issues } = schema["~standard"].validate(json) as StandardSchemaV1.Result<unknown>;
      if (issues) throw badAnswer(asked, response, `its '${issues[0].message}' is not what SQS answers`);
      return read!(json);
    },
  };
}
