import { compileProject } from '../../src/compiler/compile-project';
import type { Manifest, ManifestDataset } from '../../src/compiler/manifest';

const sourcesYaml = (tables: readonly string[]): string =>
  `version: 2
sources:
  - name: raw
    schema: bronze
    tables: [${tables.map((name) => `{name: ${name}}`).join(', ')}]
  - name: app
    schema: public
    tables: [{name: things}]
`;

/**
 * A project `shop` of a few models, by name, in schema `shop`. They can read the datasets' bronze tables as
 * `source('raw', ...)`, and the table `public.things` as `source('app', 'things')`.
 */
export const compileShop = (
  models: Readonly<Record<string, string>>,
  datasets: readonly ManifestDataset[] = [],
): Manifest =>
  compileProject({
    files: [
      { path: 'dbt_project.yml', text: 'name: shop\nmodels:\n  shop:\n    +schema: shop\n' },
      { path: 'models/sources.yml', text: sourcesYaml(datasets.map((d) => d.name)) },
      ...Object.entries(models).map(([name, text]) => ({ path: `models/${name}.sql`, text })),
    ],
    datasets: [...datasets],
  });
