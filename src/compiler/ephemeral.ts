import { fitIdentifier, quoteIdentifier } from './identifiers';
import type { ManifestModel, ManifestNode } from './manifest';

const PREFIX = '__strata__cte__';

/** The name under which a query reads an ephemeral model. */
export const ephemeralName = (model: string): string => quoteIdentifier(fitIdentifier(PREFIX + model));

export const readsEphemeral = (sql: string): boolean => sql.includes(`"${PREFIX}`);

const LEADING_COMMENTS = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/;
const WITH = /^with\b(?:\s+recursive\b)?/i;

/** A model, and the ephemeral models that become a part of it. */
export const partsOf = (
  model: ManifestModel,
  nodeOf: (id: string) => ManifestNode | undefined,
): ManifestModel[] => {
  const parts = new Set([model]);
  for (const part of parts) {
    for (const id of part.dependsOn) {
      const node = nodeOf(id);
      if (node?.kind === 'model' && node.materialized === 'ephemeral') parts.add(node);
    }
  }
  return [...parts];
};

/** Puts ephemeral models before a query as common table expressions, in the given order. */
export const withEphemerals = (sql: string, ephemerals: ReadonlyMap<string, string>): string => {
  if (ephemerals.size === 0) return sql;
  const tables = [...ephemerals].map(([name, query]) => `${name} as (\n${query}\n)`).join(',\n');
  const head = LEADING_COMMENTS.exec(sql)?.[0] ?? '';
  const query = sql.slice(head.length);
  const own = WITH.exec(query)?.[0];
  if (own === undefined) return `${head}with ${tables}\n${query}`;
  return `${head}${own} ${tables},\n${query.slice(own.length).trimStart()}`;
};
