import type { ChangesFact, FactRequest, QueryFact, UnconsumedLoadsFact } from './facts';
import { feedRelation, relationSql, sqlLiteral } from './identifiers';
import type { ManifestSource, RelationName } from './manifest';
import { periodRanges, periodsOf, type Period } from './periods';
import { TemplateFailure } from './template-error';
import { RelationValue, textOf, type TemplateFunction } from './template-values';

/**
 * Up to so many loads are read one after the other: the planner then joins each with its one row of the ledger. Of a list
 * of loads that are newer than its statistics it expects one row, and looks the ledger up for each there is.
 */
const LOADS_ONE_BY_ONE = 16;

export interface StrataFunctionsInput {
  readonly incremental: boolean;
  readonly config: () => Readonly<Record<string, unknown>>;
  readonly sourceOf: (relation: RelationName) => ManifestSource | undefined;
  /** Told of each relation that the template reads by what it has not consumed. */
  readonly consumed: (input: { dataset: string } | { model: RelationName }) => void;
  /** The fact if it is known; asks for it otherwise. */
  readonly fact: (request: FactRequest) => unknown;
}

export interface StrataFunctions {
  readonly functions: Readonly<Record<string, TemplateFunction>>;
  /** Starts of the periods to recompute, once `affected_periods` has been called in an incremental rendering. */
  readonly affectedPeriods: () => readonly string[] | undefined;
}

/** strata's own functions in templates: what a model has not consumed yet, and which periods that affects. */
export const strataFunctions = (input: StrataFunctionsInput): StrataFunctions => {
  let declared = false;
  let periods: readonly string[] | undefined;

  return {
    affectedPeriods: () => periods,
    functions: {
      unconsumed: (relation) => unconsumed(input, relationArgument('unconsumed', relation)),
      changes: (relation) => changes(input, relationArgument('changes', relation)),
      archived_until: (relation) => archivedUntil(input, relationArgument('archived_until', relation)),
      affected_periods: (sql) => {
        const { period } = periodConfig(input.config());
        if (typeof sql !== 'string') throw new TemplateFailure('affected_periods() takes a query');
        declared = true;
        if (!input.incremental) return '';
        const fact = input.fact({ kind: 'query', sql: periodsOf(period, sql) });
        const found = ((fact as QueryFact | undefined)?.rows ?? []).map((row) => periodStart(row[0]));
        periods = [...new Set([...(periods ?? []), ...found])].toSorted();
        return '';
      },
      in_affected_periods: (column, type) => {
        if (!declared) throw new TemplateFailure('in_affected_periods() stands before affected_periods()');
        if (typeof column !== 'string')
          throw new TemplateFailure('in_affected_periods() takes the SQL of a column');
        if (!input.incremental) return 'true';
        return periodPredicate(column, periods ?? [], periodConfig(input.config()).period, columnType(type));
      },
    },
  };
};

const relationArgument = (name: string, value: unknown): RelationName => {
  if (value instanceof RelationValue && value.text !== undefined) {
    throw new TemplateFailure(`${name}() can't read an ephemeral model, which is no relation`);
  }
  if (value instanceof RelationValue) return value.relation;
  throw new TemplateFailure(`${name}() takes ref(...) or source(...), not ${textOf(value)}`);
};

const unconsumed = (input: StrataFunctionsInput, relation: RelationName): string => {
  const dataset = input.sourceOf(relation)?.dataset;
  if (dataset === undefined) {
    throw new TemplateFailure(
      `unconsumed() takes a source that strata loads; ${relationSql(relation)} is none`,
      true,
    );
  }
  input.consumed({ dataset });
  if (!input.incremental) return relationSql(relation);
  const fact = input.fact({ kind: 'unconsumed-loads', dataset }) as UnconsumedLoadsFact | undefined;
  const rows = `select * from ${relationSql(relation)} where`;
  const loads = (fact?.loadIds ?? []).map(bigintText);
  if (loads.length === 0) return `(${rows} false)`;
  if (loads.length > LOADS_ONE_BY_ONE) return `(${rows} _load_id = any ('{${loads.join(',')}}'::bigint[]))`;
  return `(${loads.map((load) => `${rows} _load_id = ${load}`).join(' union all ')})`;
};

const changes = (input: StrataFunctionsInput, relation: RelationName): string => {
  if (input.sourceOf(relation)) {
    throw new TemplateFailure('changes() takes ref(...); for a source there is unconsumed()', true);
  }
  input.consumed({ model: relation });
  if (!input.incremental) return `(select *, 1::smallint as _weight from ${relationSql(relation)})`;
  const fact = input.fact({ kind: 'changes', relation }) as ChangesFact | undefined;
  const [from, to] = [bigintText(fact?.from ?? '0'), bigintText(fact?.to ?? '0')];
  return `(select * from ${relationSql(feedRelation(relation))} where _version > ${from} and _version <= ${to})`;
};

/** The end of a relation's newest archived month as SQL; nothing where none is archived. */
const archivedUntil = (input: StrataFunctionsInput, relation: RelationName): string => {
  if (!input.incremental) return '';
  const key = sqlLiteral(`${relation.schema}.${relation.name}`);
  const sql = `select max(month_to)::text as until from ops.partition_archive where relation = ${key} and state <> 'restored'`;
  const until = (input.fact({ kind: 'query', sql }) as QueryFact | undefined)?.rows[0]?.[0];
  if (until === undefined || until === null) return '';
  return `timestamptz ${sqlLiteral(`${periodStart(until)} 00:00:00+00`)}`;
};

const periodStart = (value: unknown): string => {
  if (typeof value === 'string' && /^\d{4,}-\d\d-\d\d$/.test(value)) return value;
  throw new TemplateFailure(
    `affected_periods() found ${textOf(value)}, which is no day that a period starts on`,
  );
};

const bigintText = (value: string): string => {
  if (!/^-?\d+$/.test(value)) throw new TemplateFailure(`${value} is no whole number`);
  return value;
};

const periodConfig = (config: Readonly<Record<string, unknown>>): { period: Period } => {
  const { materialized, period, period_column: column } = config;
  if (materialized !== 'by_period') {
    throw new TemplateFailure("affected_periods() is for models with config(materialized='by_period')");
  }
  if (period !== 'month' && period !== 'day') {
    throw new TemplateFailure("config(materialized='by_period') needs period='month' or period='day'");
  }
  if (typeof column !== 'string' || column === '') {
    throw new TemplateFailure("config(materialized='by_period') needs period_column");
  }
  return { period };
};

const columnType = (type: unknown): 'date' | 'timestamptz' => {
  if (type === undefined || type === null || type === 'timestamptz') return 'timestamptz';
  if (type === 'date') return 'date';
  throw new TemplateFailure(`in_affected_periods() knows 'timestamptz' and 'date', not ${textOf(type)}`);
};

const periodPredicate = (
  column: string,
  periods: readonly string[],
  period: Period,
  type: 'date' | 'timestamptz',
): string => {
  const literal = (day: string): string =>
    type === 'date' ? `${sqlLiteral(day)}::date` : `${sqlLiteral(`${day} 00:00:00+00`)}::timestamptz`;
  const ranges = periodRanges(periods, period).map(
    ({ from, to }) => `${column} >= ${literal(from)} and ${column} < ${literal(to)}`,
  );
  return ranges.length === 0 ? 'false' : `(${ranges.join(' or ')})`;
};
