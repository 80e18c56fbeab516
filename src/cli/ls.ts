import type { Manifest, ManifestNode } from '../compiler/manifest';
import { selectNodes } from '../compiler/select-nodes';
import { loadConfig } from '../config';
import type { CommandContext, CommonOptions } from './context';
import { compileProjectDir } from './project-plan';

type ResourceType = 'model' | 'test' | 'source' | 'dataset';

export interface LsOptions extends CommonOptions {
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
  readonly resourceType?: ResourceType;
  readonly output?: 'selector' | 'name' | 'path' | 'json';
}

interface Item {
  readonly resource_type: ResourceType;
  readonly unique_id: string;
  readonly name: string;
  /** As dbt prints it: `echo.staging.stg_customers`. */
  readonly selector: string;
  readonly path?: string;
  readonly [detail: string]: unknown;
}

const folders = (path: string): string[] => path.split('/').slice(1, -1);

const nodeItem = (manifest: Manifest, node: ManifestNode): Item => ({
  resource_type: node.kind,
  unique_id: node.id,
  name: node.name,
  selector: [manifest.project, ...folders(node.path), node.name].join('.'),
  path: node.path,
  tags: node.tags,
  depends_on: node.dependsOn,
  ...(node.kind === 'model'
    ? { materialized: node.materialized, relation: `${node.relation.schema}.${node.relation.name}` }
    : { severity: node.severity }),
});

const sourceItems = (manifest: Manifest): Item[] =>
  Object.values(manifest.sources).map((source) => ({
    resource_type: 'source',
    unique_id: source.id,
    name: source.name,
    selector: `source:${manifest.project}.${source.sourceName}.${source.name}`,
    relation: `${source.relation.schema}.${source.relation.name}`,
    dataset: source.dataset ?? null,
  }));

const datasetItems = (manifest: Manifest): Item[] =>
  Object.values(manifest.datasets).map((dataset) => ({
    resource_type: 'dataset',
    unique_id: `dataset.${manifest.project}.${dataset.name}`,
    name: dataset.name,
    selector: `dataset:${dataset.name}`,
    columns: dataset.columns,
    key: dataset.key,
  }));

/** The project's items: with a selection only its nodes, in topological order. */
export const listItems = (manifest: Manifest, options: LsOptions): Item[] => {
  const { select, exclude, resourceType } = options;
  const wanted = (item: Item): boolean => resourceType === undefined || item.resource_type === resourceType;
  const isSelection = select !== undefined || exclude !== undefined;
  const ids =
    resourceType === 'source' || resourceType === 'dataset'
      ? []
      : selectNodes(manifest, {
          ...(select === undefined ? {} : { select }),
          ...(exclude === undefined ? {} : { exclude }),
          ...(resourceType === undefined ? {} : { kinds: [resourceType] }),
        });
  const nodes = ids.flatMap((id) => {
    const node = manifest.nodes[id];
    return node ? [nodeItem(manifest, node)] : [];
  });
  const others = isSelection ? [] : [...sourceItems(manifest), ...datasetItems(manifest)];
  return [...nodes, ...others].filter(wanted);
};

const datasetLine = (item: Item): string => {
  const columns = item.columns as readonly { name: string; type: string }[];
  return `${item.selector}  ${columns.map((c) => `${c.name} ${c.type}`).join(', ')}`;
};

const lineOf = (item: Item, form: LsOptions['output']): string => {
  switch (form) {
    case 'name':
      return item.name;
    case 'path':
      return item.path ?? item.selector;
    case 'json':
      return JSON.stringify(item);
    case 'selector':
    case undefined:
      return item.resource_type === 'dataset' ? datasetLine(item) : item.selector;
  }
};

/** `strata ls`: needs no server. */
export const lsCommand = async (context: CommandContext, options: LsOptions): Promise<number> => {
  const { projectDir } = loadConfig(process.env, context.flags);
  const items = listItems(await compileProjectDir(projectDir), options);
  if (options.json === true) context.output.document(items);
  else for (const item of items) context.output.line(lineOf(item, options.output));
  return 0;
};
