import type { QueryFact } from './facts';
import { HandleValue } from './template-values';

/**
 * The result of `run_query`, shaped like dbt's (agate): `.columns[i].name`, `.columns[i].values()`, `.rows`, `.column_names`;
 * a row is indexed by position and by name.
 */
export const queryResult = (fact: QueryFact): HandleValue =>
  new HandleValue({
    column_names: [...fact.columns],
    columns: fact.columns.map((name, i) => {
      const values = fact.rows.map((row) => row[i] ?? null);
      return new HandleValue({ name, values: () => values, __items: values });
    }),
    rows: fact.rows.map((row) => rowValue(fact.columns, row)),
  });

const rowValue = (columns: readonly string[], row: readonly unknown[]): HandleValue => {
  const values = columns.map((_, i) => row[i] ?? null);
  return new HandleValue({
    values: () => values,
    ...Object.fromEntries(columns.map((name, i) => [name, values[i]])),
    __items: values,
  });
};

/** What a query gives while its result isn't known: one column, no rows. */
export const noResult: QueryFact = { columns: [''], rows: [] };
