import type { JSX } from 'preact';
import type { PageView } from '../../routes/charts';
import type { TraceView } from '../../routes/explore';
import { withQuery } from '../api';
import { Loaded, Panel, State, Table } from '../components/basics';
import { count, formatPeriod, formatTime, formatValue } from '../format';
import { href, type Route } from '../router';
import { useResource } from '../use-resource';
import { text } from './history';

type Row = Readonly<Record<string, unknown>>;

interface FactPage {
  readonly items: readonly Row[];
  readonly next: string | null;
  readonly count: number;
  readonly sum: string | null;
}

const Page = ({ route, page }: { readonly route: Route; readonly page: PageView }): JSX.Element => {
  const asked = Object.fromEntries(route.query);
  const facts = useResource<FactPage>(withQuery('/facts', { limit: 100, ...asked }), ['data']);
  const chart = page.charts.find((one) => one.id === asked.chart);
  const { explore, currency } = page;
  if (!chart || !explore) return <p class="empty">There is no such figure.</p>;
  const { key, value } = explore.facts;
  const period = formatPeriod(asked.period ?? '', chart.grain);
  return (
    <Panel
      title={`${chart.title}, ${period}${asked.series === undefined ? '' : `, ${asked.series}`}`}
      note="The facts that this figure is made of."
    >
      <Loaded resource={facts}>
        {({ items, next, count: all, sum }) => (
          <>
            <p>
              <strong data-sum>{formatValue(sum, chart.format, { currency })}</strong> from {count(all)} facts
            </p>
            <Table
              label="Facts"
              rows={items}
              keyOf={(row) => text(row[key])}
              columns={Object.keys(items[0] ?? {})
                .filter((column) => !column.startsWith('_'))
                .map((column) => ({
                  title: column,
                  isNumber: column === value,
                  cell: (row: Row) =>
                    column === key ? (
                      <a href={href(['fact', text(row[key])])}>{text(row[key])}</a>
                    ) : column === explore.facts.entity ? (
                      <a href={href(['history', text(row[column])])}>{text(row[column])}</a>
                    ) : (
                      text(row[column])
                    ),
                }))}
            />
            {next === null ? null : (
              <a class="button" href={href(['facts'], { ...asked, after: next })}>
                Next page
              </a>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
};

/** The facts behind a value of a chart. */
export const Facts = ({ route }: { readonly route: Route }): JSX.Element => {
  const page = useResource<PageView>('/dashboard', ['reset']);
  return <Loaded resource={page}>{(data) => <Page route={route} page={data} />}</Loaded>;
};

const Fields = ({
  title,
  note,
  row,
}: {
  readonly title: string;
  readonly note: string;
  readonly row: Row | null;
}) => (
  <Panel title={title} note={note}>
    {row === null ? (
      <p class="empty">None.</p>
    ) : (
      <dl class="facts">
        {Object.entries(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text(value)}</dd>
          </div>
        ))}
      </dl>
    )}
  </Panel>
);

const lineText = ({ firstLine, lastLine }: NonNullable<TraceView['origin']>): string => {
  if (firstLine === null) return 'unknown';
  return firstLine === lastLine || lastLine === null
    ? `${firstLine}`
    : `between ${firstLine} and ${lastLine}`;
};

const Origin = ({ origin }: Pick<TraceView, 'origin'>): JSX.Element => (
  <Panel title="Where it came from" note="The row that stands: the one loaded last.">
    {origin === null ? (
      <p class="empty">It is not known which file it came from.</p>
    ) : (
      <dl class="facts">
        <div>
          <dt>File</dt>
          <dd>{origin.file}</dd>
        </div>
        <div>
          <dt>Line</dt>
          <dd>{lineText(origin)}</dd>
        </div>
        <div>
          <dt>Row</dt>
          <dd>{count(origin.rowNumber)}</dd>
        </div>
        <div>
          <dt>Batch</dt>
          <dd>
            {origin.batchId} of {origin.dataset} <State state={origin.state} />
          </dd>
        </div>
        <div>
          <dt>Came</dt>
          <dd>{formatTime(origin.acceptedAt)}</dd>
        </div>
      </dl>
    )}
  </Panel>
);

/** Why a figure is what it is, at its end: one fact, the version that it has, the line of the file. */
export const Fact = ({ id }: { readonly id: string }): JSX.Element => {
  const trace = useResource<TraceView>(`/facts/${encodeURIComponent(id)}`, ['data', 'batches']);
  return (
    <Loaded resource={trace}>
      {({ fact, version, origin }) => (
        <div class="grid">
          <Fields title={`Fact ${id}`} note="As it is in the fact table." row={fact} />
          <Fields title="Version" note="Of the dimension, as of the time of the fact." row={version} />
          <Origin origin={origin} />
        </div>
      )}
    </Loaded>
  );
};
