import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { PageView } from '../../routes/charts';
import { withQuery } from '../api';
import { Loaded, Panel, Table } from '../components/basics';
import { Timeline } from '../components/timeline';
import { formatDay, formatValue } from '../format';
import { href } from '../router';
import { useResource } from '../use-resource';

type Row = Readonly<Record<string, unknown>>;
type Explore = NonNullable<PageView['explore']>;

export const text = (value: unknown): string =>
  value === null || value === undefined
    ? '–'
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

const Search = (): JSX.Element => {
  const [q, setQ] = useState('');
  const found = useResource<{ items: { key: string; title: string | null }[] }>(
    withQuery('/history', { q }),
    ['data'],
  );
  return (
    <Panel title="Find" note="By the beginning of the key, or a part of the name.">
      <div class="picker">
        <label>
          Search
          <input type="search" value={q} onInput={(e) => setQ(e.currentTarget.value.trim())} />
        </label>
      </div>
      <Loaded resource={found}>
        {({ items }) => (
          <ul class="found">
            {items.map(({ key, title }) => (
              <li key={key}>
                <a href={href(['history', key])}>
                  <strong>{title ?? key}</strong> <span class="note">{key}</span>
                </a>
              </li>
            ))}
            {items.length === 0 ? <li class="empty">Nobody is found.</li> : null}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
};

const Versions = ({
  explore,
  versions,
}: {
  readonly explore: Explore;
  readonly versions: readonly Row[];
}) => {
  const { from, to, tracked, version } = explore.history;
  return (
    <Table
      label="Versions"
      rows={versions}
      keyOf={(row) => text(row[version])}
      columns={[
        { title: 'From', cell: (row) => formatDay(text(row[from])) },
        { title: 'To', cell: (row) => (row[to] == null ? 'now' : formatDay(text(row[to]))) },
        ...tracked.map((column) => ({
          title: column,
          cell: (row: Row) => {
            const before = versions[versions.indexOf(row) - 1];
            const isChanged = before !== undefined && before[column] !== row[column];
            return isChanged ? <mark>{text(row[column])}</mark> : text(row[column]);
          },
        })),
      ]}
    />
  );
};

const Facts = (props: {
  readonly explore: Explore;
  readonly facts: readonly Row[];
  readonly currency: string | undefined;
}): JSX.Element => {
  const { key, time, value, entity, version } = props.explore.facts;
  const others = Object.keys(props.facts[0] ?? {}).filter(
    (column) => ![key, time, value, entity, version].includes(column) && !column.startsWith('_'),
  );
  return (
    <Table
      label="Facts"
      rows={[...props.facts].reverse()}
      keyOf={(row) => text(row[key])}
      empty="No facts."
      columns={[
        { title: key, cell: (row) => <a href={href(['fact', text(row[key])])}>{text(row[key])}</a> },
        { title: time, cell: (row) => formatDay(text(row[time])) },
        {
          title: value,
          isNumber: true,
          cell: (row) => formatValue(row[value] as string | null, 'money', { currency: props.currency }),
        },
        ...others.map((column) => ({ title: column, cell: (row: Row) => text(row[column]) })),
      ]}
    />
  );
};

const One = ({ id, page }: { readonly id: string; readonly page: PageView }): JSX.Element => {
  const { explore, currency } = page;
  const history = useResource<{ versions: Row[]; facts: Row[]; isCut: boolean }>(
    `/history/${encodeURIComponent(id)}`,
    ['data'],
  );
  if (!explore) return <></>;
  const { title } = explore.history;
  return (
    <Loaded resource={history}>
      {({ versions, facts, isCut }) => (
        <>
          <Panel title={text(versions.at(-1)?.[title] ?? id)} note={`${explore.history.key} ${id}`}>
            <Timeline explore={explore} versions={versions} facts={facts} currency={currency} />
            <Versions explore={explore} versions={versions} />
          </Panel>
          <Panel title="Facts" note={isCut ? 'The first of them; there are more.' : undefined}>
            <Facts explore={explore} facts={facts} currency={currency} />
          </Panel>
        </>
      )}
    </Loaded>
  );
};

/** The history of one thing: a timeline of its versions with the facts on it. */
export const History = ({ id }: { readonly id: string | undefined }): JSX.Element => {
  const page = useResource<PageView>('/dashboard', ['reset']);
  return (
    <Loaded resource={page}>
      {(data) =>
        data.explore === undefined ? (
          <p class="empty">dashboard.yml says nothing of what can be explored.</p>
        ) : (
          <>
            <Search />
            {id === undefined ? null : <One id={id} page={data} />}
          </>
        )
      }
    </Loaded>
  );
};
