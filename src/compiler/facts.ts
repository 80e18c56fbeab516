import type { RelationName } from './manifest';

/**
 * What rendering a template needs to know of the database. Jinja's callbacks are synchronous, so rendering is a loop:
 * render with the facts at hand; if more are needed, look them up, and render again.
 */
export type FactRequest =
  | { readonly kind: 'relation'; readonly relation: RelationName }
  | { readonly kind: 'unconsumed-loads'; readonly dataset: string }
  | { readonly kind: 'changes'; readonly relation: RelationName }
  | { readonly kind: 'query'; readonly sql: string };

export interface RelationFact {
  readonly exists: boolean;
  readonly type?: 'table' | 'view' | 'other' | undefined;
  readonly partitioned?: boolean | undefined;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Published loads of a dataset that this model has not consumed, in the order of their publication. */
export interface UnconsumedLoadsFact {
  readonly loadIds: readonly string[];
}

/** Versions of an upstream relation that this model has not consumed: `(from, to]`, both in the feed of that relation. */
export interface ChangesFact {
  readonly from: string;
  readonly to: string;
}

export interface QueryFact {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

export type Fact = RelationFact | UnconsumedLoadsFact | ChangesFact | QueryFact;

/** A stable key for a request, under which its fact is kept. */
export const factKey = (request: FactRequest): string => {
  switch (request.kind) {
    case 'relation':
      return `relation:${JSON.stringify([request.relation.schema, request.relation.name])}`;
    case 'unconsumed-loads':
      return `unconsumed-loads:${request.dataset}`;
    case 'changes':
      return `changes:${JSON.stringify([request.relation.schema, request.relation.name])}`;
    case 'query':
      return `query:${request.sql}`;
  }
};
