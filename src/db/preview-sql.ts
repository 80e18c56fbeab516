import type { CommonQueryMethods } from 'slonik';
import type { Manifest, ManifestNode } from '../compiler/manifest';
import type { RenderContext } from '../compiler/render-node';
import { RebuildNeeded, type Rendered, renderFor } from './facts';
import { labelOf } from './plan-run';
import { findRelation } from './relations';

export interface PreviewInput {
  readonly manifest: Manifest;
  readonly nodeId: string;
  readonly vars: Readonly<Record<string, unknown>>;
  readonly fullRefresh: boolean;
  readonly target: RenderContext['target'];
}

export interface SqlPreview {
  readonly id: string;
  readonly label: string;
  readonly path: string;
  /** Whether this is the SQL of an incremental run. */
  readonly incremental: boolean;
  readonly sql: string;
}

const carriesOn = async (
  db: CommonQueryMethods,
  node: ManifestNode,
  fullRefresh: boolean,
): Promise<boolean> => {
  if (fullRefresh || node.kind !== 'model') return false;
  return (await findRelation(db, node.relation))?.materialized === node.materialized;
};

/** The SQL that a run would execute for a node now; reads the database and changes nothing. @throws MODEL_COMPILE_FAILED */
export const previewSql = async (db: CommonQueryMethods, input: PreviewInput): Promise<SqlPreview> => {
  const node = input.manifest.nodes[input.nodeId];
  if (node === undefined) throw new RangeError(`no node ${input.nodeId}`);
  const render = (incremental: boolean): Promise<Rendered> => renderFor(db, input, { node, incremental });
  const preview = (sql: string, incremental: boolean): SqlPreview => ({
    id: node.id,
    label: labelOf(node),
    path: node.path,
    incremental,
    sql,
  });
  if (await carriesOn(db, node, input.fullRefresh)) {
    try {
      return preview((await render(true)).sql, true);
    } catch (error) {
      if (!(error instanceof RebuildNeeded)) throw error;
    }
  }
  return preview((await render(false)).sql, false);
};
