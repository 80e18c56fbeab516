import type { JSX } from 'preact';
import type { PageView } from '../../routes/charts';
import type { PartsView } from '../../routes/parts';
import { withQuery } from '../api';
import { Loaded, Panel, Table } from '../components/basics';
import { count, formatPeriod, formatValue } from '../format';
import { href, type Route } from '../router';
import { useResource } from '../use-resource';

const Page = ({ route, page }: { readonly route: Route; readonly page: PageView }): JSX.Element => {
  const asked = Object.fromEntries(route.query);
  const parts = useResource<PartsView>(withQuery('/parts', { limit: 100, ...asked }), ['data']);
  const chart = page.charts.find((one) => one.id === asked.chart);
  const { explore, currency } = page;
  if (!chart || !explore) return <p class="empty">There is no such figure.</p>;
  const series = chart.series?.find(({ column }) => column === asked.series);
  const format = (amount: string | null): string => formatValue(amount, chart.format, { currency });
  return (
    <Panel
      title={`${chart.title}, ${formatPeriod(asked.period ?? '', chart.grain)}, ${series?.title ?? asked.series ?? ''}`}
      note="Who this figure is made of; the history of each has the facts."
    >
      <Loaded resource={parts}>
        {({ items, next, count: all, sum }) => (
          <>
            <p>
              <strong data-sum>{format(sum)}</strong> from {count(all)}
            </p>
            <Table
              label="Parts"
              rows={items}
              keyOf={(row) => row.key}
              empty="Nobody."
              columns={[
                {
                  title: explore.history.key,
                  cell: ({ key }) => <a href={href(['history', key])}>{key}</a>,
                },
                { title: explore.history.title, cell: ({ title }) => title ?? '–' },
                { title: series?.title ?? 'Amount', isNumber: true, cell: ({ amount }) => format(amount) },
              ]}
            />
            {next === null ? null : (
              <a class="button" href={href(['parts'], { ...asked, after: next })}>
                Next page
              </a>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
};

/** Who a value of a chart is made of, where it is no sum of facts. */
export const Parts = ({ route }: { readonly route: Route }): JSX.Element => {
  const page = useResource<PageView>('/dashboard', ['reset']);
  return <Loaded resource={page}>{(data) => <Page route={route} page={data} />}</Loaded>;
};
