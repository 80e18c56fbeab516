import type { DeadLetterRow, KpiRow, RelationChecksum } from '../db/demo-report';
import type { NodeResult } from '../wire/transform';
import { labelWidthOf, nodeLine } from './run-lines';
import { tableLines } from './table';

const SHOWN_ERROR_CHARACTERS = 90;

const didSomething = ({ state, rows, periods }: NodeResult): boolean =>
  state !== 'success' ||
  (periods ?? []).length > 0 ||
  (rows !== undefined && rows.inserted + rows.updated + rows.deleted > 0);

/** The nodes that changed something or failed, and how many there was nothing to do for. */
export const changeLines = (results: readonly NodeResult[]): string[] => {
  const busy = results.filter(didSomething);
  const idle = results.length - busy.length;
  return [
    ...busy.map((r) => nodeLine(results.indexOf(r) + 1, results.length, r, labelWidthOf(results))),
    ...(idle === 0 ? [] : [`${idle} of ${results.length} had no rows to change`]),
  ];
};

export const kpiLines = (rows: readonly KpiRow[]): string[] =>
  tableLines(
    ['month', 'revenue', 'mrr', 'active', 'new', 'churned', 'churn rate', 'arpu', 'spend', 'cac'],
    rows.map((k) => [
      k.month,
      k.revenue,
      k.mrr,
      k.activeCustomers,
      k.newCustomers,
      k.churnedCustomers,
      k.churnRate,
      k.arpu,
      k.marketingSpend,
      k.cac,
    ]),
  );

const shortened = (text: string): string =>
  text.length > SHOWN_ERROR_CHARACTERS ? `${text.slice(0, SHOWN_ERROR_CHARACTERS - 3)}...` : text;

export const deadLetterLines = (rows: readonly DeadLetterRow[]): string[] =>
  tableLines(
    ['line', 'error code', 'record', 'error'],
    rows.map((d) => [
      d.lineNumber,
      d.errorCode,
      shortened(d.record.replace(/\s+/g, ' ')),
      shortened(d.error),
    ]),
  );

export interface RefreshProof {
  readonly equal: boolean;
  readonly lines: readonly string[];
}

/** Compares the checksums of all relations before and after a full refresh. */
export const proofLines = (
  before: readonly RelationChecksum[],
  after: readonly RelationChecksum[],
): RefreshProof => {
  const rows = before.map((b) => {
    const a = after.find((candidate) => candidate.relation === b.relation);
    const equal = a?.checksum === b.checksum && a.rows === b.rows;
    return {
      equal,
      cells: [
        b.relation,
        b.rows,
        b.checksum.slice(0, 12),
        a?.checksum.slice(0, 12),
        equal ? 'equal' : 'DIFFERENT',
      ],
    };
  });
  return {
    equal: before.length > 0 && before.length === after.length && rows.every((row) => row.equal),
    lines: tableLines(
      ['relation', 'rows', 'incremental', 'refreshed', ''],
      rows.map((row) => row.cells),
    ),
  };
};
