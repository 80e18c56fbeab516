import { waitFor } from '../support/wait-for';
import { ask } from './ask';

const DATASETS = ['customers', 'transactions', 'marketing_spend'];
const PATIENCE_MS = 60_000;

/** Of one snapshot: what the published loads have by the ledger, against what bronze shows. */
const HALF_VISIBLE = DATASETS.map(
  (dataset) => `
    select '${dataset}' as dataset, l.rows as published, v.rows as visible
    from (
      select coalesce(sum(row_count), 0)::bigint as rows from ops.load
      where dataset = '${dataset}' and position is not null
    ) as l
    cross join (select count(*) as rows from bronze.${dataset}) as v
    where l.rows <> v.rows`,
).join(' union all ');

interface HalfVisible {
  readonly dataset: string;
  readonly published: string;
  readonly visible: string;
}

/** Datasets of which a reader sees a part of a load, or too much, in words; can be asked at any moment. */
export const halfVisible = async (databaseUrl: string): Promise<string[]> => {
  const rows = await waitFor(() => ask<HalfVisible>(databaseUrl, HALF_VISIBLE), {
    timeoutMs: PATIENCE_MS,
    what: 'the database',
  });
  return rows.map(
    ({ dataset, published, visible }) =>
      `${dataset}: ${visible} rows are visible, ${published} are published`,
  );
};
