import { setCurrentDetails } from '@temporalio/workflow';
import type {
  NodeResult,
  NodeStatus,
  PlanRunResult,
  RunCommand,
  TransformPlan,
  TransformStatus,
} from '../wire/transform';
import { setSearchAttributes } from './search-attributes';

/** Temporal's Web UI shows the details as Markdown; a table of thousands of lines would only cost memory. */
const SHOWN_NODES = 200;

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const rowsOf = ({ result }: NodeStatus): string => {
  if (result?.rows === undefined) return '';
  const { inserted, updated, deleted } = result.rows;
  return `+${inserted} ~${updated} -${deleted}`;
};

const lineOf = (node: NodeStatus): string => {
  const seconds = node.result === undefined ? '' : (node.result.durationMs / 1_000).toFixed(1);
  const message = node.result?.message ?? node.message ?? '';
  return `| ${[cell(node.label), node.state, rowsOf(node), seconds, cell(message)].join(' | ')} |`;
};

/** In a verification a node that has run still has to be compared. */
const isDone = ({ result }: NodeStatus, command: RunCommand): boolean =>
  result !== undefined &&
  (command !== 'verify' || result.verification !== undefined || result.state !== 'success');

/** What a run has come to, as the query `status`, the current details and the search attributes show it. */
export class RunProgress {
  private readonly nodes = new Map<string, NodeStatus>();
  private plan: PlanRunResult | undefined;
  private state: TransformStatus['state'] = 'planning';

  constructor(private readonly runId: string) {}

  planned(plan: PlanRunResult): void {
    this.plan = plan;
    this.state = 'running';
    for (const { id, label, kind, materialized } of plan.nodes)
      this.nodes.set(id, { id, label, kind, materialized, state: 'pending', attempts: 0 });
    this.showState();
    this.show();
  }

  started(id: string, attempt: number): void {
    this.change(id, { state: 'running', attempts: attempt });
  }

  retrying(id: string, message: string): void {
    this.change(id, { state: 'retrying', message });
  }

  ended(result: NodeResult): void {
    this.change(result.nodeId, { state: result.state, result });
  }

  finished(state: 'success' | 'failed' | 'cancelled'): void {
    this.state = state;
    this.showState();
    this.show();
  }

  status(): TransformStatus {
    const command = this.plan?.command ?? 'run';
    return {
      runId: this.plan?.runId ?? this.runId,
      command,
      state: this.state,
      nodes: [...this.nodes.values()],
    };
  }

  planOfRun(): TransformPlan | null {
    if (this.plan === undefined) return null;
    const { runId, planHash, command, fullRefresh, startedAt, inputs, threads, retries, nodes } = this.plan;
    return { runId, planHash, command, fullRefresh, startedAt, inputs, threads, retries, nodes };
  }

  results(): NodeResult[] {
    return [...this.nodes.values()].flatMap((node) => node.result ?? []);
  }

  private change(id: string, change: Partial<NodeStatus>): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    this.nodes.set(id, { ...node, ...change });
    this.show();
  }

  private show(): void {
    const nodes = [...this.nodes.values()];
    const command = this.plan?.command ?? 'run';
    const done = nodes.filter((node) => isDone(node, command)).length;
    const more = nodes.length > SHOWN_NODES ? `\n\n… and ${nodes.length - SHOWN_NODES} more` : '';
    const title = `**${command}**: ${this.state}, ${done} of ${nodes.length} nodes`;
    const head = '| node | state | rows | seconds | |\n| --- | --- | ---: | ---: | --- |';
    setCurrentDetails(`${title}\n\n${head}\n${nodes.slice(0, SHOWN_NODES).map(lineOf).join('\n')}${more}`);
  }

  private showState(): void {
    if (this.plan?.searchAttributes !== true) return;
    setSearchAttributes({ warehouse: this.plan.warehouse, state: this.state });
  }
}
