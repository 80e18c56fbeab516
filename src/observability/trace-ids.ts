import { createHash } from 'node:crypto';

/** What a trace or a span is about. Its id is derived, so that any worker, on any host, continues the same trace. */
export interface TraceSubject {
  readonly databaseUuid: string;
  readonly kind: 'batch' | 'run' | 'replay' | 'workflow';
  readonly id: string;
}

const digest = ({ databaseUuid, kind, id }: TraceSubject, part: string): string =>
  createHash('sha256')
    .update(JSON.stringify([databaseUuid, kind, id, part]))
    .digest('hex');

/** 16 bytes in hexadecimal, as W3C Trace Context has them. */
export const traceIdOf = (subject: TraceSubject): string => digest(subject, 'trace').slice(0, 32);

/** 8 bytes in hexadecimal: of the span that stands for the subject as a whole. */
export const spanIdOf = (subject: TraceSubject): string => digest(subject, 'span').slice(0, 16);
