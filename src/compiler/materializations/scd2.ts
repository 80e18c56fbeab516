import { quoteIdentifier as q } from '../identifiers';
import { StrataError } from '../../domain/errors';
import { SOURCE } from './delta';
import type { Scd2Config } from './model-config';

/** The columns that `scd2` adds to the model's. */
export const VALID_FROM = 'valid_from';
export const VALID_TO = 'valid_to';
export const IS_CURRENT = 'is_current';

const invalid = (label: string, problem: string): StrataError =>
  new StrataError('MODEL_INVALID', `Model ${label}: ${problem}`);

/** What the model selects and the dimension shows. */
const shownColumns = (config: Scd2Config, source: readonly string[]): string[] =>
  source.filter((c) => c !== config.updated_at && c !== config.tombstone);

/**
 * The dimension's columns for a model's: surrogate key first, `updated_at` replaced by the window, no tombstone.
 * @throws MODEL_INVALID
 */
export const scd2Columns = (label: string, config: Scd2Config, source: readonly string[]): string[] => {
  const { tombstone, starts_at } = config;
  const placed = [...config.unique_key, ...config.type_0, ...config.type_1, ...config.type_2];
  const known = new Set([...placed, config.updated_at]);
  if (tombstone !== undefined && (known.has(tombstone) || tombstone === starts_at))
    throw invalid(label, `${tombstone} is the tombstone, and can be nothing else`);
  const stray = source.filter((c) => !known.has(c) && c !== starts_at && c !== tombstone);
  if (stray.length > 0) throw invalid(label, `${stray.join(', ')} is in none of type_0, type_1, type_2`);
  const needed = [...known, ...[starts_at, tombstone].filter((c) => c !== undefined)];
  const missing = needed.filter((c) => !source.includes(c));
  if (missing.length > 0)
    throw invalid(label, `config names ${missing.join(', ')}, which the model does not select`);
  return [config.surrogate_key, ...shownColumns(config, source), VALID_FROM, VALID_TO, IS_CURRENT];
};

/** A digest of the version's identity, so that a version keeps its key over every run and rebuild. */
const surrogateKey = (config: Scd2Config): string => {
  const parts = config.unique_key.map((k) => `${q(k)}::text`);
  return `md5(jsonb_build_array(${parts.join(', ')}, (extract(epoch from ${VALID_FROM}) * 1000000)::bigint)::text)::uuid`;
};

/** The columns of a version: type 1 as of the last live change, type 0 as of the first one. */
const versionColumns = (
  config: Scd2Config,
  shown: readonly string[],
  windows: { readonly first: string; readonly last: string },
): string =>
  shown
    .map((c) => {
      if (config.type_1.includes(c)) return `last_value(${q(c)}) over ${windows.last} as ${q(c)}`;
      if (config.type_0.includes(c) || c === config.starts_at)
        return `first_value(${q(c)}) over ${windows.first} as ${q(c)}`;
      return q(c);
    })
    .join(', ');

/** Where a version starts that the change starts; with tombstones the first change counts only if it is a live one. */
const startOf = ({ starts_at, updated_at, tombstone }: Scd2Config): string => {
  const at = q(updated_at);
  if (starts_at === undefined) return at;
  const isFirst = tombstone === undefined ? '' : 'not _gone and ';
  return `case when ${isFirst}row_number() over changes = 1 and ${q(starts_at)} <= ${at} then ${q(starts_at)} else ${at} end`;
};

const differs = ({ type_2 }: Scd2Config): string =>
  `row(${type_2.map(q).join(', ')}) is distinct from row(${type_2.map((c) => `lag(${q(c)}) over changes`).join(', ')})`;

const ALL_ROWS = 'rows between unbounded preceding and unbounded following';

/** `compared`: each change, and whether a version starts there (`_starts`). */
const compareChanges = (config: Scd2Config, shown: readonly string[]): string => {
  const key = config.unique_key.map(q).join(', ');
  const at = q(config.updated_at);
  return `compared as (
  select ${versionColumns(config, shown, { first: 'history', last: 'history' })}, ${at} as _at, ${startOf(config)} as ${VALID_FROM},
    row_number() over changes = 1 or ${differs(config)} as _starts
  from ${SOURCE}
  window changes as (partition by ${key} order by ${at}),
    history as (partition by ${key} order by ${at} ${ALL_ROWS})
)`;
};

/**
 * The same with tombstones. One that follows a live change ends its version, one that follows another tombstone says
 * nothing new. A live change that follows one starts a version whatever it says. Values are those of live changes:
 * they are sorted apart from the tombstones.
 */
const compareWithTombstones = (config: Scd2Config, tombstone: string, shown: readonly string[]): string => {
  const key = config.unique_key.map(q).join(', ');
  const at = q(config.updated_at);
  return `changed as (
  select *, coalesce(${q(tombstone)}, false) as _gone
  from ${SOURCE}
),
compared as (
  select ${versionColumns(config, shown, { first: 'live_first', last: 'live_last' })}, _gone, ${at} as _at, ${startOf(config)} as ${VALID_FROM},
    case
      when _gone then not coalesce(lag(_gone) over changes, true)
      else coalesce(lag(_gone) over changes, true) or ${differs(config)} end as _starts
  from changed
  window changes as (partition by ${key} order by ${at}),
    live_first as (partition by ${key} order by _gone, ${at} ${ALL_ROWS}),
    live_last as (partition by ${key} order by _gone desc, ${at} ${ALL_ROWS})
)`;
};

/**
 * From `_strata_source`, all changes of the keys concerned, the versions: a new one where a type 2 column differs from
 * the change before it in effective time, NULL-safely. Kimball & Ross, The Data Warehouse Toolkit, chapter 5.
 */
export const scd2Versions = (config: Scd2Config, source: readonly string[]): string => {
  const shown = shownColumns(config, source);
  const key = config.unique_key.map(q).join(', ');
  const columns = shown.map(q).join(', ');
  const { tombstone } = config;
  const compared =
    tombstone === undefined ? compareChanges(config, shown) : compareWithTombstones(config, tombstone, shown);
  return `with
${compared},
versions as (
  select ${columns},${tombstone === undefined ? '' : ' _gone,'} ${VALID_FROM},
    lead(${VALID_FROM}) over (partition by ${key} order by _at) as ${VALID_TO}
  from compared
  where _starts
)
select ${surrogateKey(config)} as ${q(config.surrogate_key)}, ${columns}, ${VALID_FROM}, ${VALID_TO},
  ${VALID_TO} is null as ${IS_CURRENT}
from versions${tombstone === undefined ? '' : '\nwhere not _gone'}`;
};
