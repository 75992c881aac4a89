/** Bare aws4fetch: as the floor, signed. */
import { AwsClient } from "aws4fetch";
import { CREDENTIALS, REGION } from "../harness.ts";
import { runJsonLoop } from "./json_loop.ts";

const client = new AwsClient({ ...CREDENTIALS, region: REGION, service: "sqs", retries: 0 });

await runJsonLoop((url, init) => client.fetch(url, init));
