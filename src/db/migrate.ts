import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabasePool, DatabaseTransactionConnection } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import { StrataError } from '../domain/errors';
import { PACKAGE_ROOT } from '../package-root';
import { rawSql } from './raw-sql';

const MIGRATIONS_DIR = join(PACKAGE_ROOT, 'sql', 'migrations');
/** Session-wide key of the lock that lets one process migrate at a time; any constant will do. */
const MIGRATION_LOCK = '7310418623';

interface Migration {
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
}

const AppliedRow = z.object({ name: z.string(), sha256: z.string() });

const readMigrations = (): Migration[] =>
  readdirSync(MIGRATIONS_DIR)
    .filter((name) => /^\d{6}_\w+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(join(MIGRATIONS_DIR, name), 'utf8');
      return { name, text, sha256: createHash('sha256').update(text).digest('hex') };
    });

/** Of strata's own tables, as this code knows them. */
export const schemaVersion = (): string =>
  readMigrations()
    .map(({ sha256 }) => sha256)
    .join();

/** slonik speaks the extended protocol, one statement a message; `execute` takes a whole script. */
const asOneStatement = (script: string): string =>
  `do $strata_migration$ begin execute $strata_script$${script}$strata_script$; end $strata_migration$`;

const ensureMigrationTable = async (transaction: DatabaseTransactionConnection): Promise<void> => {
  await transaction.query(sql.typeAlias('void')`create schema if not exists ops`);
  await transaction.query(sql.typeAlias('void')`
    create table if not exists ops.migration (
      name text primary key,
      sha256 text not null,
      applied_at timestamptz not null default clock_timestamp()
    )
  `);
};

const checkApplied = (applied: readonly z.infer<typeof AppliedRow>[], known: readonly Migration[]): void => {
  for (const { name, sha256 } of applied) {
    const mine = known.find((m) => m.name === name);
    if (!mine)
      throw new StrataError(
        'DATABASE_NEWER',
        `The database has migration ${name}, which this strata does not know`,
      );
    if (mine.sha256 !== sha256)
      throw new StrataError('MIGRATION_CHANGED', `Migration ${name} differs from the one that was applied`);
  }
};

const isUpToDate = async (pool: DatabasePool, known: readonly Migration[]): Promise<boolean> => {
  const exists = await pool.oneFirst(
    sql.type(z.object({ exists: z.boolean() }))`select to_regclass('ops.migration') is not null as exists`,
  );
  if (!exists) return false;
  const applied = await pool.any(sql.type(AppliedRow)`select name, sha256 from ops.migration order by name`);
  checkApplied(applied, known);
  return applied.length === known.length;
};

/**
 * Brings strata's own tables up to date; safe to call from many processes at once (advisory lock, one transaction).
 * Returns the names of the migrations it applied. @throws DATABASE_NEWER, MIGRATION_CHANGED
 */
export const migrate = async (pool: DatabasePool): Promise<string[]> => {
  const known = readMigrations();
  if (await isUpToDate(pool, known)) return [];
  return pool.transaction(async (transaction) => {
    await transaction.query(sql.typeAlias('void')`select pg_advisory_xact_lock(${MIGRATION_LOCK}::bigint)`);
    await ensureMigrationTable(transaction);
    const applied = await transaction.any(
      sql.type(AppliedRow)`select name, sha256 from ops.migration order by name`,
    );
    checkApplied(applied, known);
    const missing = known.filter((m) => !applied.some((a) => a.name === m.name));
    for (const { name, sha256, text } of missing) {
      await transaction.query(
        sql.typeAlias('void')`insert into ops.migration (name, sha256) values (${name}, ${sha256})`,
      );
      await transaction.query(rawSql(asOneStatement(text)));
    }
    return missing.map((m) => m.name);
  });
};
