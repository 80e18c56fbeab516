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
        const result = await untilAborted(signal, handle.result());
        output.document(result);
        const rows = result.partitions.map((p) => [p.relation, p.partition, p.state]);
        if (rows.length === 0) output.line('nothing to archive');
        else for (const line of tableLines(['relation', 'partition', 'state'], rows)) output.line(line);
        if (result.more) output.line('there is more: run it again');
        return 0;
      },
    },
  );
