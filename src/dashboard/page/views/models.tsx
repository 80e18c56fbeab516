import type { JSX } from 'preact';
import type { GraphNodeView, ModelView, PreviewView } from '../../routes/models';
import { Loaded, Panel, State, Table } from '../components/basics';
import { Graph, type GraphNode } from '../components/graph';
import { count, formatAgo, formatSpan } from '../format';
import { href } from '../router';
import { useResource } from '../use-resource';

const TONES: Readonly<Record<string, string>> = { success: 'good', warn: 'warn', failed: 'bad' };

const asGraphNode = (node: GraphNodeView): GraphNode => ({
  id: node.id,
  title: node.name,
  note: node.kind === 'source' ? 'source' : `${node.materialized}${node.last ? `, ${node.last.state}` : ''}`,
  tone: TONES[node.last?.state ?? ''] ?? 'muted',
  dependsOn: node.dependsOn,
  href: node.kind === 'model' ? href(['models', node.name]) : undefined,
});

/** The project as a graph, and as a list. */
export const Models = (): JSX.Element => {
  const models = useResource<{ items: GraphNodeView[] }>('/models', ['runs']);
  return (
    <Loaded resource={models}>
      {({ items }) => (
        <>
          <Panel title="Lineage">
            <Graph label="Lineage of the models" nodes={items.map(asGraphNode)} />
          </Panel>
          <Panel title="Models">
            <Table
              label="Models"
              rows={items.filter((node) => node.kind === 'model')}
              keyOf={(node) => node.id}
              columns={[
                { title: 'Model', cell: (node) => <a href={href(['models', node.name])}>{node.label}</a> },
                { title: 'Kind', cell: (node) => node.materialized },
                { title: 'Last', cell: (node) => (node.last ? <State state={node.last.state} /> : '–') },
                { title: 'When', cell: (node) => (node.last ? formatAgo(node.last.finishedAt) : '–') },
                { title: 'Time', isNumber: true, cell: (node) => formatSpan(node.last?.durationMs) },
              ]}
            />
          </Panel>
        </>
      )}
    </Loaded>
  );
};

const NodeLinks = ({
  title,
  names,
}: {
  readonly title: string;
  readonly names: readonly string[];
}): JSX.Element => (
  <p>
    <strong>{title}</strong>{' '}
    {names.length === 0
      ? 'nothing'
      : names.map((name, index) => (
          <>
            {index > 0 ? ', ' : ''}
            {name.includes('.') ? name : <a href={href(['models', name])}>{name}</a>}
          </>
        ))}
  </p>
);

const Columns = ({ model }: { readonly model: ModelView }): JSX.Element => (
  <Panel title="Columns and tests">
    <Table
      label="Columns"
      rows={model.columns}
      keyOf={(column) => column.name}
      empty="The model was not built yet."
      columns={[
        { title: 'Column', cell: (column) => column.name },
        { title: 'Type', cell: (column) => column.type },
      ]}
    />
    {model.tests.length === 0 ? null : (
      <Table
        label="Tests"
        rows={model.tests}
        keyOf={(test) => test.name}
        columns={[
          { title: 'Test', cell: (test) => test.name },
          { title: 'Severity', cell: (test) => test.severity },
          { title: 'Last', cell: (test) => (test.last ? <State state={test.last.state} /> : 'not run') },
        ]}
      />
    )}
  </Panel>
);

const Runs = ({ model }: { readonly model: ModelView }): JSX.Element => (
  <Panel title="Last runs">
    <Table
      label="Last runs"
      rows={model.runs}
      keyOf={(run) => run.runId}
      empty="It never ran."
      columns={[
        { title: 'State', cell: (run) => <State state={run.state} /> },
        {
          title: 'When',
          cell: (run) => <a href={href(['live'], { run: run.runId })}>{formatAgo(run.finishedAt)}</a>,
        },
        { title: 'Inserted', isNumber: true, cell: (run) => count(run.rowsInserted) },
        { title: 'Updated', isNumber: true, cell: (run) => count(run.rowsUpdated) },
        { title: 'Deleted', isNumber: true, cell: (run) => count(run.rowsDeleted) },
        { title: 'Time', isNumber: true, cell: (run) => formatSpan(run.durationMs) },
        { title: 'Note', cell: (run) => run.message ?? '' },
      ]}
    />
  </Panel>
);

const Preview = ({ name }: { readonly name: string }): JSX.Element => {
  const preview = useResource<PreviewView>(`/models/${encodeURIComponent(name)}/rows`, ['data']);
  return (
    <Panel title="Preview" note="The first rows that come to hand.">
      <Loaded resource={preview}>
        {({ columns, rows }) => (
          <Table
            label="Preview"
            rows={rows}
            keyOf={(_row, index) => String(index)}
            empty="No rows."
            columns={columns.map((title, index) => ({
              title,
              cell: (row: readonly unknown[]) => {
                const value = row[index];
                return value === null ? (
                  <span class="note">null</span>
                ) : typeof value === 'object' ? (
                  JSON.stringify(value)
                ) : (
                  String(value)
                );
              },
            }))}
          />
        )}
      </Loaded>
    </Panel>
  );
};

/** One model: where its rows come from and go to, what they are, how it ran. */
export const Model = ({ name }: { readonly name: string }): JSX.Element => {
  const model = useResource<ModelView>(`/models/${encodeURIComponent(name)}`, ['runs', 'data']);
  return (
    <>
      <p>
        <a href={href(['models'])}>← Models</a>
      </p>
      <Loaded resource={model}>
        {(data) => (
          <>
            <Panel title={data.label} note={data.description}>
              <p>
                <span class="state muted">{data.materialized}</span>{' '}
                {data.estimatedRows === null ? '' : `about ${count(data.estimatedRows)} rows, `}
                <code>{data.path}</code>
              </p>
              <NodeLinks title="Reads" names={data.parents} />
              <NodeLinks title="Is read by" names={data.children} />
              <details>
                <summary>SQL</summary>
                <pre tabIndex={0}>
                  <code>{data.sql}</code>
                </pre>
              </details>
            </Panel>
            <div class="grid">
              <Columns model={data} />
              <Runs model={data} />
            </div>
          </>
        )}
      </Loaded>
      <Preview name={name} />
    </>
  );
};
