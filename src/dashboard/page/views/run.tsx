import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { RunNodeView, RunView } from '../../routes/runs';
import { External, Loaded, Panel, State, Table } from '../components/basics';
import { Graph, type GraphNode } from '../components/graph';
import { count, formatSpan, formatTime } from '../format';
import { href } from '../router';
import { useResource } from '../use-resource';

type WholeRun = RunView & { readonly nodes: readonly RunNodeView[] };

const TONES: Readonly<Record<RunNodeView['state'], string>> = {
  pending: 'muted',
  running: 'busy',
  success: 'good',
  warn: 'warn',
  failed: 'bad',
  skipped: 'muted',
  cancelled: 'muted',
};

const rowsText = ({ rowsInserted, rowsUpdated, rowsDeleted }: RunNodeView): string =>
  rowsInserted === null ? '' : `+${count(rowsInserted)} ~${count(rowsUpdated)} −${count(rowsDeleted)}`;

const noteOf = (node: RunNodeView): string => {
  if (node.state === 'success')
    return [formatSpan(node.durationMs), rowsText(node)].filter((text) => text !== '').join('  ');
  return node.state;
};

const asGraphNode = (node: RunNodeView): GraphNode => ({
  id: node.id,
  title: node.name,
  note: noteOf(node),
  tone: TONES[node.state],
  dependsOn: node.dependsOn,
  href: node.kind === 'model' ? href(['models', node.name]) : undefined,
});

const NodeTable = ({ nodes }: { readonly nodes: readonly RunNodeView[] }): JSX.Element => (
  <Table
    label="Nodes of the run"
    rows={nodes}
    keyOf={(node) => node.id}
    columns={[
      { title: 'State', cell: (node) => <State state={node.state} /> },
      {
        title: 'Node',
        cell: (node) => (
          <>
            {node.kind === 'model' ? <a href={href(['models', node.name])}>{node.label}</a> : node.label}
            {node.message === null ? null : <div class="note">{node.message}</div>}
          </>
        ),
      },
      { title: 'Kind', cell: (node) => node.materialized },
      { title: 'Inserted', isNumber: true, cell: (node) => count(node.rowsInserted) },
      { title: 'Updated', isNumber: true, cell: (node) => count(node.rowsUpdated) },
      { title: 'Deleted', isNumber: true, cell: (node) => count(node.rowsDeleted) },
      {
        title: 'Periods',
        isNumber: true,
        cell: (node) =>
          node.periodCount === null ? (
            '–'
          ) : (
            <span title={node.periods.join(', ')}>{count(node.periodCount)}</span>
          ),
      },
      { title: 'Time', isNumber: true, cell: (node) => formatSpan(node.durationMs) },
      { title: 'Tries', isNumber: true, cell: (node) => node.attempts },
    ]}
  />
);

const Progress = ({ run }: { readonly run: WholeRun }): JSX.Element => (
  <p class="progress">
    <State state={run.state} />
    <progress max={Math.max(1, run.selected)} value={run.done} aria-label="Nodes that are done" />
    <span>
      {run.done} of {run.selected} done{run.failed > 0 ? `, ${run.failed} failed` : ''}
      {run.durationMs === null ? '' : `, in ${formatSpan(run.durationMs)}`}
    </span>
  </p>
);

/** A run as it goes: the graph with states, rows and durations, and the same as a table. */
export const RunPanel = ({
  runId,
  isChosen,
}: {
  readonly runId: string;
  readonly isChosen: boolean;
}): JSX.Element => {
  const run = useResource<WholeRun>(`/runs/${encodeURIComponent(runId)}`, ['runs']);
  const [isTable, setTable] = useState(false);
  return (
    <Panel
      title={isChosen ? 'This run' : 'Newest run'}
      note={
        run.data
          ? `${run.data.fullRefresh ? 'full refresh' : run.data.command}, begun ${formatTime(run.data.startedAt)}`
          : undefined
      }
      tools={
        <>
          {isChosen ? (
            <a class="button quiet" href={href(['live'])}>
              Newest
            </a>
          ) : null}
          <button type="button" class="quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
            Table
          </button>
          <External url={run.data?.temporalUrl ?? null}>Temporal</External>
        </>
      }
    >
      <Loaded resource={run}>
        {(data) => (
          <>
            <Progress run={data} />
            {data.message === null ? null : <p class="failure">{data.message}</p>}
            {isTable || data.nodes.length > 80 ? (
              <NodeTable nodes={data.nodes} />
            ) : (
              <Graph label="Graph of the run" nodes={data.nodes.map(asGraphNode)} />
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
};
