import { join } from 'node:path';
import { compileProject } from '../../src/compiler/compile-project';
import { type Fact, factKey, type FactRequest } from '../../src/compiler/facts';
import type { Manifest, ManifestDataset } from '../../src/compiler/manifest';
import { type RenderContext, renderNode, type RenderResult } from '../../src/compiler/render-node';
import { readProjectFiles } from '../../src/project/read-project';

export const ordersDataset: ManifestDataset = {
  name: 'orders',
  columns: [{ name: 'order_id', type: 'text' }],
  key: ['order_id'],
};

export const compileMini = async (): Promise<Manifest> =>
  compileProject({
    files: await readProjectFiles(join(__dirname, '..', 'fixtures', 'projects', 'mini')),
    datasets: [ordersDataset],
  });

/** Compiles a project that is given as a mapping from paths to texts; dbt_project.yml is there unless given. */
export const compileTexts = (texts: Readonly<Record<string, string>>): Manifest =>
  compileProject({
    files: Object.entries({ 'dbt_project.yml': 'name: shop\n', ...texts }).map(([path, text]) => ({
      path,
      text,
    })),
    datasets: [ordersDataset],
  });

export const renderContext = (over: Partial<RenderContext> = {}): RenderContext => ({
  facts: new Map(),
  vars: {},
  incremental: false,
  invocation: { runId: 'run-1', startedAt: '2024-05-06T07:08:09.000Z' },
  target: { database: 'shop', warehouse: 'shop' },
  ...over,
});

export const rendered = (result: RenderResult): Extract<RenderResult, { kind: 'sql' }> => {
  if (result.kind === 'sql') return result;
  throw new Error(`facts are missing: ${JSON.stringify(result.requests)}`);
};

/** Renders again and again, with the facts that the answers give. Also says which requests came in which round. */
export const renderWithAnswers = (
  manifest: Manifest,
  nodeId: string,
  answer: (request: FactRequest) => Fact,
  over: Partial<RenderContext> = {},
): { result: Extract<RenderResult, { kind: 'sql' }>; rounds: FactRequest[][] } => {
  const facts = new Map<string, Fact>();
  const rounds: FactRequest[][] = [];
  for (;;) {
    const result = renderNode(manifest, nodeId, renderContext({ ...over, facts }));
    if (result.kind === 'sql') return { result, rounds };
    if (rounds.length > 9) throw new Error(`no end of requests: ${JSON.stringify(result.requests)}`);
    rounds.push([...result.requests]);
    for (const request of result.requests) facts.set(factKey(request), answer(request));
  }
};

/** The SQL of model `x` of a project that has only this template, and what the other texts add. */
export const renderTemplateText = (
  template: string,
  over: Partial<RenderContext> = {},
  texts: Readonly<Record<string, string>> = {},
): string =>
  rendered(
    renderNode(compileTexts({ 'models/x.sql': template, ...texts }), 'model.shop.x', renderContext(over)),
  ).sql;
