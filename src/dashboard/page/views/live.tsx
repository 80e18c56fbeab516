import type { JSX } from 'preact';
import type { BatchView, DatasetsView, FreshnessView, IncidentView, PipelineView } from '../../routes/live';
import type { RunView } from '../../routes/runs';
import { call } from '../api';
import { Action } from '../components/action';
import { External, Loaded, Panel, State, Table } from '../components/basics';
import { count, fileName, formatAgo, formatSpan, formatTime } from '../format';
import { href } from '../router';
import { useSession } from '../session';
import { useNow } from '../use-now';
import { type Resource, useResource } from '../use-resource';
import { RunPanel } from './run';

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const Ago = ({ time }: { readonly time: string }): JSX.Element => (
  <time dateTime={time} title={formatTime(time)}>
    {formatAgo(time, useNow())}
  </time>
);

const Coordinator = ({ pipeline }: { readonly pipeline: Resource<PipelineView> }): JSX.Element => {
  const post = (path: string, text: string, body?: unknown) => async () => {
    await call(`/pipeline/${path}`, { method: 'POST', body });
    pipeline.reload();
    return text;
  };
  const { data } = pipeline;
  const isPaused = data?.paused === true;
  return (
    <Panel
      title="Coordinator"
      note={
        isPaused
          ? 'Paused: runs wait until somebody resumes them.'
          : data && data.runs.length === 0
            ? 'Nothing waits.'
            : undefined
      }
      tools={
        <>
          <Action
            run={post('full-refresh', 'A full refresh is asked for.', {})}
            confirm="Build all models anew?"
          >
            Full refresh
          </Action>
          {isPaused ? (
            <Action run={post('resume', 'Runs go on.')}>Resume</Action>
          ) : (
            <Action run={post('pause', 'No further run begins.')}>Pause</Action>
          )}
        </>
      }
    >
      <Loaded resource={pipeline}>
        {({ runs }) =>
          runs.length === 0 ? null : (
            <ol class="queue">
              {runs.map((run) => (
                <li key={run.number}>
                  <State state={run.state === 'running' ? 'running' : 'pending'} />
                  <span>
                    Run {run.number}: {run.does}
                  </span>
                  <Action
                    class="quiet"
                    run={post('cancel', `Run ${run.number} is being stopped.`, { number: run.number })}
                    confirm={`Stop run ${run.number}?`}
                  >
                    Stop
                  </Action>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </Panel>
  );
};

const ack = (incidentId: string) => async () => {
  await call(`/incidents/${incidentId}/ack`, { method: 'POST', body: {} });
  return 'Noted that you look after it.';
};

const Incidents = (): JSX.Element => {
  const incidents = useResource<Page<IncidentView>>('/incidents?limit=20', ['incidents']);
  return (
    <Panel title="Incidents">
      <Loaded resource={incidents}>
        {({ items }) => (
          <Table
            label="Incidents"
            rows={[...items]
              .sort((a, b) => Number(b.state === 'firing') - Number(a.state === 'firing'))
              .slice(0, 8)}
            keyOf={(row) => row.incidentId}
            empty="None: all is well."
            columns={[
              { title: 'State', cell: (row) => <State state={row.state} /> },
              {
                title: 'What',
                cell: (row) => (
                  <>
                    <strong>{row.kind}</strong> {row.subject}
                    <div class="note">{row.summary}</div>
                  </>
                ),
              },
              { title: 'Since', cell: (row) => <Ago time={row.openedAt} /> },
              {
                title: '',
                cell: (row) =>
                  row.state === 'resolved' ? null : row.ackedAt === null ? (
                    <Action class="quiet" run={ack(row.incidentId)}>
                      Acknowledge
                    </Action>
                  ) : (
                    <span class="note">{row.ackedBy ?? 'somebody'} looks after it</span>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  );
};

const Runs = ({
  runs,
  shown,
}: {
  readonly runs: Resource<Page<RunView>>;
  readonly shown: string | undefined;
}) => (
  <Panel title="Runs">
    <Loaded resource={runs}>
      {({ items }) => (
        <Table
          label="Runs"
          rows={items}
          keyOf={(row) => row.runId}
          empty="Nothing has run yet."
          columns={[
            { title: 'State', cell: (row) => <State state={row.state} /> },
            {
              title: 'Run',
              cell: (row) => (
                <a
                  href={href(['live'], { run: row.runId })}
                  aria-current={row.runId === shown ? 'true' : undefined}
                >
                  {row.fullRefresh ? 'full refresh' : row.command}
                </a>
              ),
            },
            { title: 'Nodes', isNumber: true, cell: (row) => `${row.done} / ${row.selected}` },
            { title: 'Time', isNumber: true, cell: (row) => formatSpan(row.durationMs) },
            { title: 'Begun', cell: (row) => <Ago time={row.startedAt} /> },
          ]}
        />
      )}
    </Loaded>
  </Panel>
);

const Rejected = ({ batch }: { readonly batch: BatchView }): JSX.Element => {
  const text = count(batch.rowsRejected);
  return batch.rowsRejected ? (
    <a href={href(['dead-letters'], { batchId: batch.batchId })}>{text}</a>
  ) : (
    <>{text}</>
  );
};

const Batches = (): JSX.Element => {
  const batches = useResource<Page<BatchView>>('/batches?limit=12', ['batches']);
  return (
    <Panel
      title="Batches"
      tools={
        <a class="button" href={href(['upload'])}>
          Upload a file
        </a>
      }
    >
      <Loaded resource={batches}>
        {({ items }) => (
          <Table
            label="Batches"
            rows={items}
            keyOf={(row) => row.batchId}
            empty="No file has come yet."
            columns={[
              { title: 'Batch', isNumber: true, cell: (row) => row.batchId },
              {
                title: 'State',
                cell: (row) => (
                  <>
                    <State state={row.state} />
                    {row.error === null ? null : <div class="note">{row.error}</div>}
                  </>
                ),
              },
              { title: 'Dataset', cell: (row) => row.dataset },
              { title: 'File', cell: (row) => <span title={row.file}>{fileName(row.file)}</span> },
              { title: 'Rows', isNumber: true, cell: (row) => count(row.rowsLoaded) },
              { title: 'Bad', isNumber: true, cell: (row) => <Rejected batch={row} /> },
              { title: 'Came', cell: (row) => <Ago time={row.acceptedAt} /> },
              { title: '', cell: (row) => <External url={row.temporalUrl}>Temporal</External> },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  );
};

const behind = (data: DatasetsView, dataset: string): string => {
  const lags = data.lag.filter((lag) => lag.dataset === dataset);
  if (lags.length === 0) return 'up to date';
  return `${formatSpan(Math.max(...lags.map((lag) => lag.lagSeconds)) * 1_000)} behind`;
};

const Freshness = (): JSX.Element => {
  const datasets = useResource<DatasetsView>('/datasets', ['batches', 'runs', 'data']);
  const checks = useResource<{ items: FreshnessView[] }>('/freshness', ['freshness']);
  const checkOf = (dataset: string): FreshnessView | undefined =>
    checks.data?.items.find((check) => check.dataset === dataset);
  return (
    <Panel
      title="Freshness and lag"
      note="Lag is from a file's arrival to the marts, at the median of the last files."
    >
      <Loaded resource={datasets}>
        {(data) => (
          <Table
            label="Freshness and lag"
            rows={data.datasets}
            keyOf={(row) => row.dataset}
            empty="Nothing is published yet."
            columns={[
              { title: 'Dataset', cell: (row) => row.dataset },
              {
                title: 'Check',
                cell: (row) => {
                  const check = checkOf(row.dataset);
                  return check ? (
                    <span title={check.message}>
                      <State state={check.status} />
                    </span>
                  ) : (
                    <span class="note">not checked</span>
                  );
                },
              },
              { title: 'Newest', cell: (row) => <Ago time={row.lastLoadedAt} /> },
              { title: 'Rows', isNumber: true, cell: (row) => count(row.rows) },
              { title: 'Models', cell: (row) => behind(data, row.dataset) },
              {
                title: 'Lag',
                isNumber: true,
                cell: (row) => {
                  const lag = data.fileToMart.find((one) => one.dataset === row.dataset);
                  return formatSpan(lag && lag.medianSeconds * 1_000);
                },
              },
            ]}
          />
        )}
      </Loaded>
      <Suspended datasets={datasets} />
    </Panel>
  );
};

const resumeModels = async (): Promise<string> => {
  const { resumed } = await call<{ resumed: string[] }>('/models/resume', { method: 'POST', body: {} });
  return `${resumed.length} models resumed: the next run tries them again.`;
};

const Suspended = ({ datasets }: { readonly datasets: Resource<DatasetsView> }): JSX.Element | null => {
  const suspended = datasets.data?.suspended ?? [];
  if (suspended.length === 0) return null;
  return (
    <div class="failure">
      <p>
        Suspended, because they failed in several runs in a row:{' '}
        {suspended.map((node) => node.label).join(', ')}
      </p>
      <Action run={resumeModels}>Resume them</Action>
    </div>
  );
};

/** What goes on now: runs, batches, freshness, incidents. */
export const Live = ({ query }: { readonly query: URLSearchParams }): JSX.Element => {
  const runs = useResource<Page<RunView>>('/runs?limit=12', ['runs']);
  const pipeline = useResource<PipelineView>('/pipeline', ['pipeline', 'runs']);
  const { temporalUrl } = useSession();
  const shown = query.get('run') ?? runs.data?.items[0]?.runId;
  return (
    <>
      <div class="grid">
        <Coordinator pipeline={pipeline} />
        <Incidents />
      </div>
      {shown === undefined ? null : <RunPanel runId={shown} isChosen={query.has('run')} />}
      <div class="grid">
        <Runs runs={runs} shown={shown} />
        <Freshness />
      </div>
      <Batches />
      <p class="note">
        <External url={temporalUrl}>Temporal's Web UI</External>
      </p>
    </>
  );
};
