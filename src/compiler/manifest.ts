/**
 * A compiled project: everything a run needs, as JSON. Stored in `ops.plan` by its hash, so that a worker on another
 * host runs what the caller saw. SQL is rendered from `rawCode` at run time, when the database's facts are known.
 */
export interface Manifest {
  readonly project: string;
  readonly nodes: Record<string, ManifestNode>;
  readonly sources: Record<string, ManifestSource>;
  /** The project's datasets by name: what bronze relations are made from. */
  readonly datasets: Record<string, ManifestDataset>;
  /** `dbt_project.yml`'s vars; `--vars` goes over them. */
  readonly vars: Record<string, unknown>;
  readonly macros: readonly ManifestMacroFile[];
}

/** The part of a dataset that the database needs to know. */
export interface ManifestDataset {
  readonly name: string;
  /** In the order of the schema; `type` is a PostgreSQL type such as `numeric(18,2)`. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly key: readonly string[];
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
  /** From dbt_project.yml, YAML properties and the `config()` call, in that order of precedence. */
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
  /** What the model reads by `unconsumed()` and `changes()`, incremental or not: its progress is kept for these. */
  readonly consumes: {
    /** Names of datasets. */
    readonly datasets: readonly string[];
    /** Ids of models. */
    readonly models: readonly string[];
  };
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
  /** `meta.event_freshness`: limits for the latest time in the data; null: it is not judged. */
  readonly eventFreshness?: Record<string, unknown> | null | undefined;
  /** The dataset that strata loads into it; absent for tables that others maintain. */
  readonly dataset?: string | undefined;
}

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}
