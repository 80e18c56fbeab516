import { nameHash } from '../compiler/identifiers';

/** The embedded database's name is the product's; it isn't said twice. */
const OWN_NAME = 'strata';

/** Roles belong to the whole cluster: those of each database are named after it. */
export const rolePrefixOf = (database: string): string => {
  if (database === OWN_NAME) return OWN_NAME;
  if (/^[a-z0-9_]{1,44}$/.test(database)) return `${OWN_NAME}_${database}`;
  const readable = database
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 24);
  return `${OWN_NAME}_${readable}_${nameHash(database)}`;
};
