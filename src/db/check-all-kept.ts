import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import type { MaterializationConfig } from '../compiler/materializations/model-config';
import type { ManifestModel } from '../compiler/manifest';
import { refuseImbalance } from '../domain/conservation';
import { StrataError } from '../domain/errors';
import type { RowCounts } from '../wire/transform';
import { inputPosition } from './facts';
import { datasetUpstream, findProgress, relationKey } from './relations';
import type { Run } from './runs';
import { sql } from './sql';

const Sum = z.object({ sum: z.coerce.number() });

/** Rows of a dataset's published loads at positions `(from, to]`, as the ledger has them; without a range all of them. */
const ledgerRows = (
  connection: CommonQueryMethods,
  dataset: string,
  range?: { readonly from: bigint; readonly to: bigint },
): Promise<number> =>
  connection.oneFirst(sql.type(Sum)`
    select coalesce(sum(row_count), 0) as sum from ops.load
    where dataset = ${dataset} and position is not null
      and position > ${range?.from.toString() ?? null}::bigint is not false
      and position <= ${range?.to.toString() ?? null}::bigint is not false
  `);

export interface KeptInput {
  readonly model: ManifestModel;
  readonly run: Run;
  readonly config: MaterializationConfig;
  readonly rows: RowCounts | undefined;
  /** Whether all that is published was read, and not what lay between the model's progress and the run's inputs. */
  readonly isAll: boolean;
}

/**
 * With `keeps_all_rows`: what the model consumed, as the ledger counts it, is what it gave. Before the model's
 * progress moves on. @throws ROWS_NOT_CONSERVED, MODEL_INVALID
 */
export const checkAllKept = async (
  connection: CommonQueryMethods,
  { model, run, config, rows, isAll }: KeptInput,
): Promise<void> => {
  if (config.materialized !== 'incremental' || !config.keeps_all_rows) return;
  const label = `Model ${relationKey(model.relation)}`;
  if (model.consumes.datasets.length === 0)
    throw new StrataError('MODEL_INVALID', `${label}: keeps_all_rows needs unconsumed(source(...))`);
  let consumed = 0;
  for (const dataset of model.consumes.datasets) {
    const to = await inputPosition(connection, run.run_id, dataset);
    const from = (await findProgress(connection, model.relation, datasetUpstream(dataset))) ?? 0n;
    consumed += await ledgerRows(connection, dataset, isAll ? undefined : { from, to });
  }
  refuseImbalance(label, [{ left: 'rows consumed', is: consumed, right: 'given by it', of: rows?.in ?? 0 }]);
};
