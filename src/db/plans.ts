import { createHash } from 'node:crypto';
import type { CommonQueryMethods, DatabasePool } from 'slonik';
import { sql } from './sql';
import { z } from 'zod';
import type { Manifest } from '../compiler/manifest';
import { canonicalJson } from '../domain/canonical-json';
import { StrataError } from '../domain/errors';

const ManifestRow = z.object({ manifest: z.any() });

const hashes = new WeakMap<Manifest, string>();

const hashOf = (manifest: Manifest): string => {
  const known = hashes.get(manifest);
  if (known !== undefined) return known;
  const hash = createHash('sha256').update(canonicalJson(manifest)).digest('hex');
  hashes.set(manifest, hash);
  return hash;
};

/**
 * Keeps a compiled project under the sha256 of its manifest, which is not to be changed from then on. The same project
 * again is a no-op: the manifest, which may be large, isn't even sent. Returns the hash.
 */
export const storePlan = async (connection: CommonQueryMethods, manifest: Manifest): Promise<string> => {
  const planHash = hashOf(manifest);
  const isKept = await connection.exists(
    sql.typeAlias('void')`select from ops.plan where plan_hash = ${planHash}`,
  );
  if (!isKept)
    await connection.query(sql.typeAlias('void')`
      insert into ops.plan (plan_hash, project, manifest)
      values (${planHash}, ${manifest.project}, ${canonicalJson(manifest)}::jsonb)
      on conflict (plan_hash) do nothing
    `);
  return planHash;
};

/** Manifests never change under their hash, so a process reads each once. */
const cache = new WeakMap<DatabasePool, Map<string, Promise<Manifest>>>();

const readPlan = async (pool: DatabasePool, planHash: string): Promise<Manifest> => {
  const row = await pool.maybeOne(
    sql.type(ManifestRow)`select manifest from ops.plan where plan_hash = ${planHash}`,
  );
  if (!row) throw new StrataError('PLAN_UNKNOWN', `Plan ${planHash} is not in ops.plan`);
  return row.manifest as Manifest;
};

/** @throws PLAN_UNKNOWN */
export const loadPlan = (pool: DatabasePool, planHash: string): Promise<Manifest> => {
  const plans = cache.get(pool) ?? new Map<string, Promise<Manifest>>();
  cache.set(pool, plans);
  const known = plans.get(planHash);
  if (known) return known;
  const plan = readPlan(pool, planHash);
  plans.set(planHash, plan);
  plan.catch(() => plans.delete(planHash));
  return plan;
};
