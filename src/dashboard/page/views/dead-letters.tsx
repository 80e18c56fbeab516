import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterView } from '../../routes/letters';
import { call, withQuery } from '../api';
import { Action } from '../components/action';
import { Loaded, Panel, State, Table } from '../components/basics';
import { count, fileName, formatAgo } from '../format';
import { go, href, type Route } from '../router';
import { useSession } from '../session';
import { useResource } from '../use-resource';
import { Letter } from './letter';

interface LetterPage {
  readonly items: readonly LetterView[];
  readonly next: string | null;
  readonly counts: readonly {
    readonly dataset: string;
    readonly state: string;
    readonly errorCode: string;
    readonly letters: number;
  }[];
}

const FILTERS = ['dataset', 'batchId', 'code', 'state', 'after'] as const;
type Filter = Partial<Record<(typeof FILTERS)[number], string>>;

const filterOf = (query: URLSearchParams): Filter =>
  Object.fromEntries(FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])));

const plural = (n: number): string => `${count(n)} ${n === 1 ? 'letter' : 'letters'}`;

const Filters = ({
  filter,
  page,
}: {
  readonly filter: Filter;
  readonly page: LetterPage | undefined;
}): JSX.Element => {
  const { datasets } = useSession();
  const codes = [...new Set((page?.counts ?? []).map((c) => c.errorCode).concat(filter.code ?? []))].sort();
  const set = (name: keyof Filter, value: string): void =>
    go(href(['dead-letters'], { ...filter, after: undefined, [name]: value }));
  const select = (name: keyof Filter, title: string, options: readonly string[]): JSX.Element => (
    <label>
      {title}
      <select value={filter[name] ?? ''} onChange={(e) => set(name, e.currentTarget.value)}>
        <option value="">all</option>
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <div class="picker">
      {select('dataset', 'Dataset', datasets)}
      {select('state', 'State', ['open', 'replayed', 'discarded'])}
      {select('code', 'Reason', codes)}
      <label>
        Batch
        <input
          type="text"
          inputMode="numeric"
          size={6}
          value={filter.batchId ?? ''}
          onChange={(e) => set('batchId', e.currentTarget.value.replaceAll(/\D/g, ''))}
        />
      </label>
    </div>
  );
};

const replay = async (body: unknown): Promise<string> => {
  const { workflowIds, notes } = await call<{ workflowIds: string[]; notes: string[] }>(
    '/dead-letters/replay',
    {
      method: 'POST',
      body,
    },
  );
  const begun = workflowIds.length === 0 ? 'Nothing to replay.' : 'The replay has begun.';
  return [begun, ...notes].join(' ');
};

const discard = async (ids: readonly string[], reason: string): Promise<string> => {
  const { letters } = await call<{ letters: number }>('/dead-letters/discard', {
    method: 'POST',
    body: { ids, reason },
  });
  return `${plural(letters)} discarded.`;
};

const askReason = (): string => {
  const reason = prompt('Why are they discarded?');
  if (reason === null || reason.trim() === '') throw new Error('Nothing was discarded: a reason is needed.');
  return reason;
};

const Letters = ({ page, filter }: { readonly page: LetterPage; readonly filter: Filter }): JSX.Element => {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const open = page.items.filter((letter) => letter.state === 'open').map((letter) => letter.id);
  const ids = open.filter((id) => chosen.has(id));
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  return (
    <>
      <div class="tools bar">
        <button
          type="button"
          class="quiet"
          onClick={() => setChosen(new Set(ids.length === open.length ? [] : open))}
        >
          {ids.length === open.length && open.length > 0 ? 'Choose none' : 'Choose all open'}
        </button>
        <span class="note">{plural(ids.length)} chosen</span>
        <Action disabled={ids.length === 0} run={() => replay({ ids })}>
          Replay
        </Action>
        <Action disabled={ids.length === 0} run={async () => discard(ids, askReason())}>
          Discard
        </Action>
      </div>
      <Table
        label="Dead letters"
        rows={page.items}
        keyOf={(row) => row.id}
        empty="No dead letters here."
        columns={[
          {
            title: 'Choose',
            cell: (row) => (
              <input
                type="checkbox"
                aria-label={`Choose letter ${row.id}`}
                checked={chosen.has(row.id)}
                disabled={row.state !== 'open'}
                onChange={() => toggle(row.id)}
              />
            ),
          },
          {
            title: 'Letter',
            cell: (row) => <a href={href(['dead-letters', row.id], { ...filter })}>{row.id}</a>,
          },
          {
            title: 'State',
            cell: (row) => (
              <>
                <State state={row.state} />
                {row.isCorrected && row.state === 'open' ? <span class="note"> mended</span> : null}
              </>
            ),
          },
          { title: 'Dataset', cell: (row) => row.dataset },
          { title: 'File', cell: (row) => `${fileName(row.file)}:${row.lineNumber}` },
          { title: 'Why', cell: (row) => row.error },
          { title: 'Came', cell: (row) => <time dateTime={row.createdAt}>{formatAgo(row.createdAt)}</time> },
        ]}
      />
      {page.next === null ? null : (
        <a class="button" href={href(['dead-letters'], { ...filter, after: page.next })}>
          Next page
        </a>
      )}
    </>
  );
};

/** Rows that were refused: what is wrong with them, and what can be done. */
export const DeadLetters = ({ route }: { readonly route: Route }): JSX.Element => {
  const { isOperator } = useSession();
  const filter = filterOf(route.query);
  const path = isOperator ? withQuery('/dead-letters', { limit: 50, ...filter }) : undefined;
  const letters = useResource<LetterPage>(path, ['letters', 'batches']);
  const [, id] = route.parts;
  if (!isOperator)
    return (
      <p class="empty">
        Dead letters hold what senders sent, whole: only the operator sees them. Enter the token to go on.
      </p>
    );
  return (
    <>
      <Filters filter={filter} page={letters.data} />
      <Panel title="Dead letters" note="Rows that failed their dataset's contract.">
        <Loaded resource={letters}>{(page) => <Letters page={page} filter={filter} />}</Loaded>
      </Panel>
      {id === undefined ? null : (
        <Letter key={id} id={id} onClose={() => go(href(['dead-letters'], { ...filter }))} />
      )}
    </>
  );
};
