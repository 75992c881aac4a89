/**
 * Events become OpenTelemetry spans and metrics: a span from the hand-over to the settlement, a child of the sender's by
 * `traceparent`, and counters for a dashboard. The in-memory exporters stand for those of your collector.
 *
 *     deno run -A examples/14_opentelemetry.ts
 */
import { context, type Meter, type Span, SpanKind, SpanStatusCode, trace, type Tracer } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { connect, consume, type DashiEvent, declareQueue, publish } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

/** Makes an `onEvent` of a tracer and a meter. */
function telemetry(tracer: Tracer, meter: Meter): (event: DashiEvent) => void {
  const spans = new Map<string, Span>();
  const requests = meter.createCounter("sqs.requests");
  const received = meter.createCounter("messaging.client.consumed.messages");
  const handling = meter.createHistogram("messaging.process.duration", { unit: "s" });
  return (event) => {
    if (event.type === "request") requests.add(1, { action: event.action, status: event.status });
    else if (event.type === "receive") received.add(event.count, { queue: event.queue });
    else if (event.type === "handover") {
      const attributes = {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": event.queue,
        "messaging.message.id": event.messageId,
      };
      const options = { kind: SpanKind.CONSUMER, attributes };
      spans.set(event.messageId, tracer.startSpan(`process ${event.queue}`, options, contextOf(event.traceparent)));
    } else if (event.type === "ack" || event.type === "release" || event.type === "reject") {
      handling.record(event.seconds, { queue: event.queue, outcome: event.type });
      const span = spans.get(event.messageId);
      if (event.error) span?.setStatus({ code: SpanStatusCode.ERROR, message: event.error.message });
      span?.setAttribute("messaging.operation.outcome", event.type).end();
      spans.delete(event.messageId);
    } else if (event.type === "error" && event.messageId) { // a handler of forEach() threw
      spans.get(event.messageId)?.recordException(event.error);
    } else if (event.type === "heartbeat-ended") {
      spans.get(event.messageId)?.setStatus({ code: SpanStatusCode.ERROR, message: "lapsed" }).end();
      spans.delete(event.messageId);
    }
  };
}

/** The sender's span as the parent, if its header is one. */
function contextOf(traceparent = "") {
  const [, traceId, spanId = "", flags = ""] = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(traceparent) ?? [];
  if (!traceId) return context.active();
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true });
}

const exporter = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metrics })] });
const tracer = tracers.getTracer("orders");

const broker = connect({ ...memorySqs().connectOptions, onEvent: telemetry(tracer, meters.getMeter("orders")) });
await declareQueue(broker, "orders");

const sending = tracer.startSpan("send orders", { kind: SpanKind.PRODUCER });
const { traceId, spanId } = sending.spanContext();
await publish(broker, { id: 1 }, { queue: "orders", traceparent: `00-${traceId}-${spanId}-01` });
sending.end();

const deliveries = consume(broker, "orders", { maxMessages: 1 });
for await (const delivery of deliveries) await delivery.ack();
await deliveries.closed;

const [sent, processed] = exporter.getFinishedSpans();
console.log("spans:", sent.name, "->", processed.name);
console.log("one trace:", sent.spanContext().traceId === processed.spanContext().traceId);
console.log("its parent is the sender:", processed.parentSpanContext?.spanId === spanId);
await meters.forceFlush();
for (const { descriptor, dataPoints } of metrics.getMetrics()[0].scopeMetrics[0].metrics) {
  const total = dataPoints.reduce((sum, { value }) => sum + (typeof value === "number" ? value : value.count), 0);
  console.log(`${descriptor.name}: ${total}`);
}
await Promise.all([tracers.shutdown(), meters.shutdown()]);
