import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  ROOT_CONTEXT,
  type SpanContext,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { spanIdOf, traceIdOf, type TraceSubject } from './trace-ids';

/** Something that has ended, as a span. */
export interface FinishedSpan {
  readonly name: string;
  /** Whose trace it belongs to. */
  readonly trace: TraceSubject;
  /** Set: it is the span that stands for this subject; else one among others. */
  readonly subject?: TraceSubject | undefined;
  /** Whose span it lies in; none: the trace's first. */
  readonly parent?: TraceSubject | undefined;
  /** Other traces that led to it. */
  readonly links?: readonly TraceSubject[] | undefined;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  /** Why it failed. */
  readonly error?: string | undefined;
}

export interface Tracing {
  record(span: FinishedSpan): void;
  /** Sends what waits. */
  shutdown(): Promise<void>;
}

export interface TracingOptions {
  readonly warehouse: string;
  /** Default: OTLP over HTTP, configured by the standard's own variables (OTEL_EXPORTER_OTLP_...). */
  readonly exporter?: SpanExporter;
}

const contextOf = (traceOf: TraceSubject, spanOf: TraceSubject): SpanContext => ({
  traceId: traceIdOf(traceOf),
  spanId: spanIdOf(spanOf),
  traceFlags: TraceFlags.SAMPLED,
  isRemote: true,
});

/** Hands out ids that were derived; the SDK asks for them within `startSpan`. */
class DerivedIds {
  traceId = '';
  spanId = '';
  generateTraceId = (): string => this.traceId;
  generateSpanId = (): string => this.spanId;
}

/* eslint-disable @typescript-eslint/no-require-imports -- half a second to load, and only where traces are wanted */
const openProvider = ({ warehouse, exporter }: TracingOptions, idGenerator: DerivedIds) => {
  const sdk = require('@opentelemetry/sdk-trace') as typeof import('@opentelemetry/sdk-trace');
  const { resourceFromAttributes } =
    require('@opentelemetry/resources') as typeof import('@opentelemetry/resources');
  const otlp = (): SpanExporter => {
    const { OTLPTraceExporter } =
      require('@opentelemetry/exporter-trace-otlp-http') as typeof import('@opentelemetry/exporter-trace-otlp-http');
    return new OTLPTraceExporter();
  };
  return new sdk.TracerProvider({
    idGenerator,
    resource: resourceFromAttributes({ 'service.name': 'strata', 'strata.warehouse': warehouse }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: exporter ?? otlp() })],
  });
};
/* eslint-enable @typescript-eslint/no-require-imports */

/**
 * Spans of what activities did. Trace and span ids are derived from what they are about (trace-ids.ts), so that the
 * trace of a file goes on through every worker and the coordinator's run to the marts, without a context that has to be
 * handed on. Recording never throws.
 */
export const createTracing = (options: TracingOptions): Tracing => {
  const ids = new DerivedIds();
  const provider = openProvider(options, ids);
  const tracer = provider.getTracer('strata');
  return {
    record: (span) => {
      ids.traceId = traceIdOf(span.trace);
      ids.spanId = span.subject === undefined ? randomBytes(8).toString('hex') : spanIdOf(span.subject);
      const links = (span.links ?? []).map((subject) => ({ context: contextOf(subject, subject) }));
      const context =
        span.parent === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, contextOf(span.trace, span.parent));
      const { name, startedAt: startTime, attributes } = span;
      const started = tracer.startSpan(name, { startTime, attributes, links }, context);
      if (span.error !== undefined) started.setStatus({ code: SpanStatusCode.ERROR, message: span.error });
      started.end(span.endedAt);
    },
    shutdown: () => provider.shutdown(),
  };
};
