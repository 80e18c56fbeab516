import { archiveProblems } from '../domain/archive-problems';
import type { ArchivePartitionsInput, ArchivePartitionsResult } from '../wire/archive';
import { archiveWorkflowId, WORKFLOW } from '../wire/names';
import type { CommandContext, CommonOptions } from './context';
import { untilAborted } from './interrupt';
import { withSession } from './session';
import { tableLines } from './table';

export interface PartitionsArchiveOptions extends CommonOptions {
  readonly model?: string;
  readonly before?: string;
}

type ArchiveWorkflow = (input: ArchivePartitionsInput) => Promise<ArchivePartitionsResult>;

/** Where some months could not be archived, what became of the others is in the details of the failure. */
const resultOfFailure = (error: unknown): ArchivePartitionsResult => {
  const { type, details } = ((error as { cause?: unknown }).cause ?? {}) as {
    type?: unknown;
    details?: readonly unknown[];
  };
  const [result] = details ?? [];
  if (type === 'ARCHIVE_INCOMPLETE' && result !== undefined) return result as ArchivePartitionsResult;
  throw error;
};

const linesOf = ({ partitions, more }: ArchivePartitionsResult): string[] => {
  const rows = partitions.map((p) => [p.relation, p.partition, p.state]);
  return [
    ...(rows.length === 0 ? ['nothing to archive'] : tableLines(['relation', 'partition', 'state'], rows)),
    ...archiveProblems(partitions).map((problem) => `refused: ${problem}`),
    ...(more ? ['there is more: run it again'] : []),
  ];
};

/** `strata partitions archive` */
export const partitionsArchiveCommand = (
  context: CommandContext,
  { model, before }: PartitionsArchiveOptions,
): Promise<number> =>
  withSession(
    context,
    { role: 'partitions archive', as: 'transformer' },
    {
      prepare: () => Promise.resolve(undefined),
      work: async ({ client, warehouse }) => {
        const { output, signal } = context;
        const handle = await client.workflow.start<ArchiveWorkflow>(WORKFLOW.archivePartitions, {
          workflowId: archiveWorkflowId(warehouse),
          taskQueue: warehouse,
          args: [{ ...(model === undefined ? {} : { model }), ...(before === undefined ? {} : { before }) }],
          staticSummary: `Archive of warehouse ${warehouse}`,
        });
        const result = await untilAborted(signal, handle.result()).catch(resultOfFailure);
        output.document(result);
        for (const line of linesOf(result)) output.line(line);
        return result.partitions.some((p) => p.state === 'refused') ? 1 : 0;
      },
    },
  );
