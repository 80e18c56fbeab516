import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { RelationFact } from '../compiler/facts';
import type { RelationName } from '../compiler/manifest';
import {
  type Comparison,
  compareRows,
  comparePeriods,
  comparisonOf,
  countPeriods,
  countUnequal,
  firstUnequal,
} from '../compiler/materializations/compare';
import { PROVENANCE } from '../compiler/materializations/delta';
import type { MaterializationConfig } from '../compiler/materializations/model-config';
import type { PeriodDifference, Verification } from '../wire/transform';
import { execute } from './stage-model';
import { describeRelation } from './facts';
import { rawSql } from './raw-sql';
import type { UnequalRow } from './verifications';

/** Of the periods that differ and of the rows in them, so many are kept. */
const KEPT_PERIODS = 12;
const KEPT_ROWS = 10;
const NAMED_COLUMNS = 20;

export interface ComparisonResult {
  readonly verification: Verification;
  readonly unequal: readonly UnequalRow[];
}

const Count = z.coerce.number();
const Totals = z.object({ rows: Count, periods: Count, differing: Count });
const PeriodCounts = z.object({ period: z.string(), missing: Count, unexpected: Count, different: Count });
const FirstRow = z.object({
  period: z.string(),
  kind: z.enum(['missing', 'unexpected', 'different']),
  key: z.array(z.string().nullable()),
  columns: z.array(z.string()),
});

const named = (names: readonly string[]): string =>
  names.length <= NAMED_COLUMNS
    ? names.join(', ')
    : `${names.slice(0, NAMED_COLUMNS).join(', ')} and ${names.length - NAMED_COLUMNS} more`;

/** What is wrong with a relation as a whole. */
const problemOf = (expected: RelationFact, actual: RelationFact): string | undefined => {
  if (!actual.exists) return 'the relation is not there';
  const typeIn = (fact: RelationFact, name: string): string | undefined =>
    fact.columns.find((c) => c.name === name)?.type;
  const lacks = expected.columns.filter((c) => typeIn(actual, c.name) === undefined).map((c) => c.name);
  const extra = actual.columns.filter((c) => typeIn(expected, c.name) === undefined).map((c) => c.name);
  const typed = expected.columns.flatMap(({ name, type }) => {
    const has = typeIn(actual, name);
    return has === undefined || has === type ? [] : [`${name} is ${has}, not ${type}`];
  });
  const problems = [
    ...(lacks.length > 0 ? [`lacks the columns ${named(lacks)}`] : []),
    ...(extra.length > 0 ? [`has further columns ${named(extra)}`] : []),
    ...(typed.length > 0 ? [named(typed)] : []),
  ];
  return problems.length === 0 ? undefined : problems.join('; ');
};

const allPeriods = (periods: readonly PeriodDifference[]): PeriodDifference => ({
  period: 'all',
  missing: periods.reduce((sum, p) => sum + p.missing, 0),
  unexpected: periods.reduce((sum, p) => sum + p.unexpected, 0),
  different: periods.reduce((sum, p) => sum + p.different, 0),
});

/** Exactly which rows differ, of the periods whose checksums do. */
const differences = async (
  connection: CommonQueryMethods,
  comparison: Comparison,
): Promise<{ periods: PeriodDifference[]; unequal: UnequalRow[] }> => {
  await execute(connection, compareRows(comparison));
  const counted = await connection.query(rawSql(countUnequal));
  const periods = z.array(PeriodCounts).parse(counted.rows);
  const first = await connection.query(rawSql(firstUnequal(KEPT_ROWS)));
  const unequal = z.array(FirstRow).parse(first.rows);
  if (comparison.hasPeriods || periods.length === 0) return { periods, unequal };
  return { periods: [allPeriods(periods)], unequal: unequal.map((row) => ({ ...row, period: 'all' })) };
};

const compareContents = async (
  connection: CommonQueryMethods,
  comparison: Comparison,
): Promise<ComparisonResult> => {
  await execute(connection, comparePeriods(comparison));
  const { rows, periods, differing } = Totals.parse((await connection.query(rawSql(countPeriods))).rows[0]);
  const counts = { rows, ...(comparison.hasPeriods ? { periods } : {}) };
  const found = differing === 0 ? { periods: [], unequal: [] } : await differences(connection, comparison);
  if (found.periods.length === 0) return { verification: { equal: true, ...counts }, unequal: [] };
  return {
    verification: {
      equal: false,
      ...counts,
      differences: found.periods.slice(0, KEPT_PERIODS),
      differenceCount: found.periods.length,
    },
    unequal: found.unequal,
  };
};

/**
 * Compares a relation with its shadow: first checksums by period, then, where they differ, row by row. Reads only,
 * but for temporary tables of the caller's transaction.
 */
export const compareWithShadow = async (
  connection: CommonQueryMethods,
  relations: { readonly expected: RelationName; readonly actual: RelationName },
  config: MaterializationConfig,
): Promise<ComparisonResult> => {
  const expected = await describeRelation(connection, relations.expected);
  const actual = await describeRelation(connection, relations.actual);
  const problem = problemOf(expected, actual);
  if (problem !== undefined && !actual.exists)
    return { verification: { equal: false, rows: 0, problem }, unequal: [] };
  const common = expected.columns.filter((e) =>
    actual.columns.some((a) => a.name === e.name && a.type === e.type),
  );
  const names = common.map((c) => c.name);
  const comparison = comparisonOf(config, relations, names);
  if (!comparison.key.every((k) => names.includes(k)) || names.every((n) => PROVENANCE.has(n)))
    return {
      verification: { equal: problem === undefined, rows: 0, ...(problem ? { problem } : {}) },
      unequal: [],
    };
  const { verification, unequal } = await compareContents(connection, comparison);
  if (problem === undefined) return { verification, unequal };
  return { verification: { ...verification, equal: false, problem }, unequal };
};
