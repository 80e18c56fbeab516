import type { PipelineStatus } from '../wire/pipeline';
import type { TransformInput } from '../wire/transform';

/** Batches that a one-line summary names. */
const NAMED_BATCHES = 5;

const batchWords = (batchIds: readonly string[]): string => {
  if (batchIds.length === 0) return '';
  const named = batchIds.slice(0, NAMED_BATCHES).join(', ');
  const more = batchIds.length > NAMED_BATCHES ? ` and ${batchIds.length - NAMED_BATCHES} more` : '';
  return `, batch ${named}${more}`;
};

/** What a run does, in one line: `run --full-refresh --select dim_customer+, batch 12, 13`. */
export const runSummary = (transform: TransformInput, batchIds: readonly string[]): string => {
  const { command = 'run', fullRefresh, select = [], exclude = [] } = transform;
  const words = [
    command,
    ...(fullRefresh === true ? ['--full-refresh'] : []),
    ...(select.length > 0 ? ['--select', ...select] : []),
    ...(exclude.length > 0 ? ['--exclude', ...exclude] : []),
  ];
  return `${words.join(' ')}${batchWords(batchIds)}`.slice(0, 200);
};

/** In one word, as the search attribute has it. */
export const pipelineState = ({ paused, running }: PipelineStatus): string => {
  if (paused) return 'paused';
  return running === undefined ? 'idle' : 'running';
};

/** The coordinator's state as the Web UI shows it, in Markdown. */
export const pipelineDetails = (status: PipelineStatus): string => {
  const { warehouse, running, queue, finished } = status;
  const state = pipelineState(status);
  const lines = [
    ...(running === undefined ? [] : [`| ${running.number} | running | \`${running.workflowId}\` |`]),
    ...queue.map((run) => `| ${run.number} | queued | ${runSummary(run.transform, run.batchIds)} |`),
    ...finished
      .slice(-10)
      .reverse()
      .map((run) => `| ${run.number} | ${run.state} | \`${run.workflowId}\` |`),
  ];
  const table = lines.length === 0 ? '' : `\n\n| run | state | |\n| ---: | --- | --- |\n${lines.join('\n')}`;
  return `Warehouse **${warehouse}**: ${state}${table}`;
};
