import { StrataError } from '../domain/errors';
import type { RelationName } from './manifest';

/** PostgreSQL cuts longer names silently (NAMEDATALEN - 1), which would make two names one. */
const MAX_IDENTIFIER_BYTES = 63;
const HASH_HEX_DIGITS = 16;

const byteLength = (text: string): number => {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
};

export const isIdentifier = (name: string): boolean =>
  name !== '' && !name.includes('\0') && byteLength(name) <= MAX_IDENTIFIER_BYTES;

/**
 * Quotes a name so that PostgreSQL takes it literally.
 * @throws MODEL_INVALID for a name that PostgreSQL can't hold: empty, with a NUL, or over 63 bytes.
 */
export const quoteIdentifier = (name: string): string => {
  if (!isIdentifier(name)) {
    throw new StrataError(
      'MODEL_INVALID',
      `${JSON.stringify(name)} is no name for PostgreSQL: it takes 1 to 63 bytes, without NUL`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
};

/** `"schema"."name"` */
export const relationSql = (relation: RelationName): string =>
  `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;

/** A string literal that means the same whatever `standard_conforming_strings` says. */
export const sqlLiteral = (text: string): string => {
  if (text.includes('\0')) throw new StrataError('MODEL_INVALID', 'a text literal holds a NUL character');
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
};

/** FNV-1a, 64 bits, as 16 hexadecimal digits: names only, nothing secret. */
export const nameHash = (text: string): string => {
  let hash = 0xcbf29ce484222325n;
  for (const char of text) {
    hash = ((hash ^ BigInt(char.codePointAt(0) ?? 0)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(HASH_HEX_DIGITS, '0');
};

/** The name itself where PostgreSQL can hold it, else its beginning and a hash of the whole. */
export const fitIdentifier = (name: string): string => {
  if (byteLength(name) <= MAX_IDENTIFIER_BYTES) return name;
  let head = name;
  while (byteLength(head) > MAX_IDENTIFIER_BYTES - HASH_HEX_DIGITS - 1)
    head = [...head].slice(0, -1).join('');
  return `${head}_${nameHash(name)}`;
};

const besides = (schema: string, relation: RelationName): RelationName => ({
  schema,
  name: fitIdentifier(`${relation.schema}.${relation.name}`),
});

/** The change feed of a relation: `strata_feed."<schema>.<name>"`. */
export const feedRelation = (relation: RelationName): RelationName => besides('strata_feed', relation);

/** Where each key of a partitioned relation lies: `strata_keys."<schema>.<name>"`. */
export const keysRelation = (relation: RelationName): RelationName => besides('strata_keys', relation);
