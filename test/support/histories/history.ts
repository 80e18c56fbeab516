import type { TransformInput } from '../../../src/wire/transform';
import type { CustomerRow, SpendRow, TransactionRow } from '../reference';

/** How a run goes: by itself; or so that something comes in between. */
export type Course =
  | { readonly kind: 'plain' }
  /** Each node is run a second time under the same run. */
  | { readonly kind: 'twice' }
  /** The first attempt at each node is aborted after so many milliseconds. */
  | { readonly kind: 'aborted'; readonly afterMs: number }
  /** The node at this place fails, and what comes after it is skipped. */
  | { readonly kind: 'failed'; readonly at: number }
  /** The oldest load that waits becomes visible before the node at this place. */
  | { readonly kind: 'published-within'; readonly at: number };

interface LoadOf<Dataset, Row> {
  readonly kind: 'load';
  readonly dataset: Dataset;
  readonly rows: readonly Row[];
  /** Accepted now, visible only by a later step `publish`. */
  readonly late?: boolean;
  /** The row at this place is rejected, and waits for a step `replay`. */
  readonly rejected?: number;
  /** The file holds every customer that exists at this time. */
  readonly completeAsOf?: bigint;
}

export type LoadStep =
  | LoadOf<'customers', CustomerRow>
  | LoadOf<'transactions', TransactionRow>
  | LoadOf<'marketing_spend', SpendRow>;

export type Step =
  | LoadStep
  /** The newest load of a dataset once more, as with `--force`. */
  | { readonly kind: 'again'; readonly dataset: LoadStep['dataset'] }
  /** One of the loads that wait becomes visible. */
  | { readonly kind: 'publish'; readonly which: number }
  /** The oldest rejected row is loaded at the place that it had. */
  | { readonly kind: 'replay' }
  | { readonly kind: 'run'; readonly transform: TransformInput; readonly course?: Course }
  | { readonly kind: 'runs-at-once'; readonly transforms: readonly TransformInput[] };

/** What arrives, and when runs happen in between. */
export interface History {
  readonly steps: readonly Step[];
  /** Whether a full refresh at the end is compared too. */
  readonly refreshed: boolean;
}
