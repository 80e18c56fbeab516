/**
 * A compiled project: everything a run needs, as JSON. Stored in `ops.plan` by its hash, so that a worker on another
 * host runs what the caller saw. SQL is rendered from `rawCode` at run time, when the database's facts are known.
 */
export interface Manifest {
  readonly project: string;
  readonly nodes: Record<string, ManifestNode>;
  readonly sources: Record<string, ManifestSource>;
  /** `dbt_project.yml`'s vars; `--vars` goes over them. */
  readonly vars: Record<string, unknown>;
  readonly macros: readonly ManifestMacroFile[];
}

export interface ManifestMacroFile {
  readonly path: string;
  readonly source: string;
}

interface ManifestNodeBase {
  /** dbt's unique id: `model.echo.dim_customer`, `test.echo.not_null_dim_customer_customer_id`. */
  readonly id: string;
  readonly name: string;
  /** Relative to the project's folder. */
  readonly path: string;
  readonly rawCode: string;
  readonly config: Record<string, unknown>;
  readonly tags: readonly string[];
  /** Ids of nodes and sources that `rawCode` refers to. */
  readonly dependsOn: readonly string[];
}

export interface ManifestModel extends ManifestNodeBase {
  readonly kind: 'model';
  readonly relation: RelationName;
  readonly materialized: string;
  readonly description: string;
}

export interface ManifestTest extends ManifestNodeBase {
  readonly kind: 'test';
  readonly severity: 'warn' | 'error';
}

export type ManifestNode = ManifestModel | ManifestTest;

export interface ManifestSource {
  /** `source.echo.raw.transactions` */
  readonly id: string;
  readonly sourceName: string;
  readonly name: string;
  readonly relation: RelationName;
  readonly loadedAtField?: string | undefined;
  readonly freshness?: Record<string, unknown> | undefined;
  /** The dataset that strata loads into it; absent for tables that others maintain. */
  readonly dataset?: string | undefined;
}

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}
