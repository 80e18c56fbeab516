import type { CommonQueryMethods } from 'slonik';
import { asSubselect } from '../compiler/materializations/build';
import type { Manifest, ManifestTest } from '../compiler/manifest';
import { countOf } from '../domain/count-of';
import { StrataError } from '../domain/errors';
import { renderFor } from './facts';
import { rawSql } from './raw-sql';
import type { Run } from './runs';

export interface TestInput {
  readonly manifest: Manifest;
  readonly test: ManifestTest;
  readonly run: Run;
  readonly warehouse: string;
  readonly database: string;
}

/**
 * Runs a data test: its query gives the failing rows. Returns their number where the test only warns.
 * @throws TEST_FAILED
 */
export const runTest = async (connection: CommonQueryMethods, input: TestInput): Promise<number> => {
  const { run, test, manifest } = input;
  const target = { database: input.database, warehouse: input.warehouse };
  const render = { manifest, run, vars: run.vars, target };
  const { sql } = await renderFor(connection, render, { node: test, incremental: false });
  const result = await connection.query(rawSql(`select count(*) as failures from ${asSubselect(sql)}`));
  const failures = Number((result.rows[0] as { failures: string }).failures);
  if (failures > 0 && input.test.severity === 'error')
    throw new StrataError(
      'TEST_FAILED',
      `Test ${input.test.name}: ${countOf(failures, 'row fails', 'rows fail')}`,
    );
  return failures;
};
