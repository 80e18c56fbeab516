import { isTransient } from '../../../src/db/sqlstate';
import type { TransformInput } from '../../../src/wire/transform';
import type { Accepted, CustomerRow, Loaded } from '../reference';
import type { Attempt, NodeRunner, TestWarehouse } from '../test-warehouse';
import type { Course, History, LoadStep, Step } from './history';
import { instantText } from './history-file';
import { rowsOfCompleteLoad } from './reference-complete';

type Dataset = LoadStep['dataset'];

interface Load {
  readonly dataset: Dataset;
  readonly loadId: string;
  readonly rows: readonly Loaded<object>[];
  readonly complete?: { readonly asOf: bigint; readonly batchId: number } | undefined;
}

interface State {
  readonly warehouse: TestWarehouse;
  readonly accepted: Record<Dataset, Loaded<object>[]>;
  /** Loaded and not visible yet, oldest first. */
  readonly waiting: Load[];
  /** Rows that were rejected, with the places that they keep. */
  readonly rejected: { readonly dataset: Dataset; readonly row: Loaded<object> }[];
  readonly newest: Partial<Record<Dataset, readonly object[]>>;
  batchId: number;
}

/** A run is tried again as a worker does it: for as long as the database says that it may be. */
const MAX_TRANSIENT_ATTEMPTS = 20;

const publish = async (state: State, which: number): Promise<void> => {
  const [load] = state.waiting.splice(state.waiting.length === 0 ? 0 : which % state.waiting.length, 1);
  if (!load) return;
  const { dataset, loadId, rows, complete } = load;
  const accepted = state.accepted[dataset];
  if (complete) {
    const customers = (all: readonly Loaded<object>[]) => all as readonly Loaded<CustomerRow>[];
    const more = rowsOfCompleteLoad(customers(accepted), customers(rows), complete);
    const written = await state.warehouse.closeAbsent(dataset, loadId, instantText(complete.asOf));
    expect(written).toBe(more.length);
    accepted.push(...more);
  }
  await state.warehouse.publish(dataset, loadId);
  accepted.push(...rows);
};

const load = async (state: State, step: LoadStep): Promise<void> => {
  const { dataset, late = false, rejected } = step;
  state.batchId += 1;
  const { batchId } = state;
  const placed = step.rows.map((row, i) => ({ ...row, batchId, rowNumber: i + 1 }));
  const rows = placed.filter((_, i) => i !== rejected);
  const letter = rejected === undefined ? undefined : placed[rejected];
  if (letter) state.rejected.push({ dataset, row: letter });
  state.newest[dataset] = step.rows;
  const loadId = await state.warehouse.load(dataset, batchId, rows);
  const { completeAsOf: asOf } = step;
  state.waiting.push({ dataset, loadId, rows, complete: asOf === undefined ? undefined : { asOf, batchId } });
  if (!late) await publish(state, state.waiting.length - 1);
};

const replay = async (state: State): Promise<void> => {
  const letter = state.rejected.shift();
  if (!letter) return;
  const { dataset, row } = letter;
  const loadId = await state.warehouse.load(dataset, row.batchId, [row], 'replay');
  await state.warehouse.publish(dataset, loadId);
  state.accepted[dataset].push(row);
};

const untilDone = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || tries === MAX_TRANSIENT_ATTEMPTS) throw error;
    }
  }
};

const twice = async (attempt: Attempt) => {
  const first = await attempt();
  const second = await attempt({ number: 2 });
  // The second attempt finds what the first one recorded; it only knows less of the time.
  expect({ ...second, durationMs: 0 }).toEqual({ ...first, durationMs: 0 });
  return second;
};

const aborted = async (attempt: Attempt, afterMs: number) => {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), afterMs);
  try {
    await attempt({ signal: abort.signal });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  return attempt({ number: 2 });
};

const runner = (state: State, course: Course): NodeRunner => {
  switch (course.kind) {
    case 'plain':
      return (attempt) => untilDone(attempt);
    case 'twice':
      return twice;
    case 'aborted':
      return (attempt) => aborted(attempt, course.afterMs);
    case 'failed':
      return async (attempt, index) => (index === course.at ? undefined : attempt());
    case 'published-within':
      return async (attempt, index) => {
        if (index === course.at) await publish(state, 0);
        return attempt();
      };
  }
};

const run = (state: State, transform: TransformInput, course: Course = { kind: 'plain' }): Promise<unknown> =>
  state.warehouse.run(transform, runner(state, course));

const take = async (state: State, step: Step): Promise<unknown> => {
  switch (step.kind) {
    case 'load':
      return load(state, step);
    case 'again': {
      const rows = state.newest[step.dataset];
      return rows && load(state, { kind: 'load', dataset: step.dataset, rows } as LoadStep);
    }
    case 'publish':
      return publish(state, step.which);
    case 'replay':
      return replay(state);
    case 'run':
      return run(state, step.transform, step.course);
    case 'runs-at-once':
      return Promise.all(step.transforms.map((transform) => run(state, transform)));
  }
};

/** Plays a history; in the end all that was loaded is visible. Returns what was accepted, rejected rows left out. */
export const playHistory = async (warehouse: TestWarehouse, { steps }: History): Promise<Accepted> => {
  const state: State = {
    warehouse,
    accepted: { customers: [], transactions: [], marketing_spend: [] },
    waiting: [],
    rejected: [],
    newest: {},
    batchId: 0,
  };
  for (const step of steps) await take(state, step);
  while (state.waiting.length > 0) await publish(state, 0);
  return state.accepted as unknown as Accepted;
};
