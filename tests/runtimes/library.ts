/**
 * The library, an entry point a field, as the suite takes it.
 *
 * @module
 */
import * as sqs from "@dashi/sqs";
import * as celery from "@dashi/sqs/celery";
import * as config from "@dashi/sqs/config";
import * as credentials from "@dashi/sqs/credentials";
import * as fanout from "@dashi/sqs/fanout";
import * as payloads from "@dashi/sqs/payloads";
import * as s3 from "@dashi/sqs/s3";
import * as sns from "@dashi/sqs/sns";
import * as requests from "@dashi/sqs/sqs";
import * as sts from "@dashi/sqs/sts";
import * as testing from "@dashi/sqs/testing";
import type { Library } from "./suite.ts";

export const library: Library = { sqs, celery, config, credentials, fanout, payloads, requests, s3, sns, sts, testing };
