import { quoteIdentifier as q } from '../identifiers';
import { StrataError } from '../../domain/errors';
import { SOURCE } from './delta';
import type { Scd2Config } from './model-config';

/** The columns that `scd2` adds to the model's. */
export const VALID_FROM = 'valid_from';
export const VALID_TO = 'valid_to';
export const IS_CURRENT = 'is_current';

/** The dimension's columns for a model's: surrogate key first, `updated_at` replaced by the window. @throws MODEL_INVALID */
export const scd2Columns = (label: string, config: Scd2Config, source: readonly string[]): string[] => {
  const known = new Set([
    ...config.unique_key,
    ...config.type_0,
    ...config.type_1,
    ...config.type_2,
    config.updated_at,
  ]);
  const stray = source.filter((c) => !known.has(c) && c !== config.starts_at);
  if (stray.length > 0)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: ${stray.join(', ')} is in none of type_0, type_1, type_2`,
    );
  const missing = [...known, ...(config.starts_at ? [config.starts_at] : [])].filter(
    (c) => !source.includes(c),
  );
  if (missing.length > 0)
    throw new StrataError(
      'MODEL_INVALID',
      `Model ${label}: config names ${missing.join(', ')}, which the model does not select`,
    );
  return [
    config.surrogate_key,
    ...source.filter((c) => c !== config.updated_at),
    VALID_FROM,
    VALID_TO,
    IS_CURRENT,
  ];
};

/** A digest of the version's identity, so that a version keeps its key over every run and rebuild. */
const surrogateKey = (config: Scd2Config): string => {
  const parts = config.unique_key.map((k) => `${q(k)}::text`);
  return `md5(jsonb_build_array(${parts.join(', ')}, (extract(epoch from ${VALID_FROM}) * 1000000)::bigint)::text)::uuid`;
};

/**
 * From `_strata_source`, all changes of the keys concerned, the versions: a new one where a type 2 column differs from
 * the change before it in effective time, NULL-safely. Kimball & Ross, The Data Warehouse Toolkit, chapter 5.
 */
export const scd2Versions = (config: Scd2Config, source: readonly string[]): string => {
  const key = config.unique_key.map(q).join(', ');
  const at = q(config.updated_at);
  const value = (c: string): string => {
    if (config.type_1.includes(c)) return `last_value(${q(c)}) over history as ${q(c)}`;
    if (config.type_0.includes(c) || c === config.starts_at)
      return `first_value(${q(c)}) over history as ${q(c)}`;
    return q(c);
  };
  const columns = source.filter((c) => c !== config.updated_at);
  const starts = config.starts_at
    ? `case when row_number() over changes = 1 and ${q(config.starts_at)} <= ${at} then ${q(config.starts_at)} else ${at} end`
    : at;
  const type2 = config.type_2.map(q).join(', ');
  const before = config.type_2.map((c) => `lag(${q(c)}) over changes`).join(', ');
  return `with
compared as (
  select ${columns.map(value).join(', ')}, ${at} as _at, ${starts} as ${VALID_FROM},
    row_number() over changes = 1 or row(${type2}) is distinct from row(${before}) as _starts
  from ${SOURCE}
  window changes as (partition by ${key} order by ${at}),
    history as (partition by ${key} order by ${at} rows between unbounded preceding and unbounded following)
),
versions as (
  select ${columns.map(q).join(', ')}, ${VALID_FROM},
    lead(${VALID_FROM}) over (partition by ${key} order by _at) as ${VALID_TO}
  from compared
  where _starts
)
select ${surrogateKey(config)} as ${q(config.surrogate_key)}, ${columns.map(q).join(', ')}, ${VALID_FROM}, ${VALID_TO},
  ${VALID_TO} is null as ${IS_CURRENT}
from versions`;
};
