/**
 * The types that more than one room of the house shares, a file of `types/` for each subject. No code here.
 *
 * @module
 */
export type { DashiEvent, DropReason, SettlementEvent } from "./events.ts";
export type { AwsBody, AwsRequest, Endpoints, Service } from "./types/aws_request.ts";
export type { Broker, ConnectOptions, HttpOptions } from "./types/broker.ts";
export type { Codec, DecodedMessage, EncodedMessage, IncomingMessage, OutgoingMessage } from "./types/codec.ts";
export type { CredentialContext, CredentialProvider, Credentials } from "./types/credentials.ts";
export type { Fanout, FanoutMessage, FanoutReceipt } from "./types/fanout.ts";
export type {
  MessageAttributeInput,
  PlainAttributeValue,
  SqsMessage,
  TypedAttributeValue,
  WireAttribute,
} from "./types/message.ts";
export type {
  OffloadedPayload,
  PayloadContext,
  PayloadGate,
  PayloadLocation,
  PayloadStore,
  ResolvedPayload,
} from "./types/payload_store.ts";
export type { Call, ResultOptions, ResultStore, TaskMeta } from "./types/result_store.ts";
export type { Clock, Fetch } from "./types/runtime.ts";
export type { StandardSchemaV1 } from "./types/standard_schema.ts";
export type { ExchangeType, PredefinedQueue, QueueAddress, Topology } from "./types/topology.ts";
export type { Transform } from "./types/transform.ts";
