import { StrataError } from '../domain/errors';
import { type Criterion, globPattern } from '../domain/selectors';
import { genericTestMacro } from './generic-tests';
import type { Manifest, ManifestNode, ManifestSource } from './manifest';
import { asArray, isMapping } from './node-config';

type Item = ManifestNode | (ManifestSource & { readonly kind: 'source' });
type Method = (item: Item, value: string, project: string) => boolean;

const matchesGlob = (glob: string, text: string): boolean => globPattern(glob).test(text);

/** dbt's selection methods by name. */
const METHODS: Readonly<Record<string, Method>> = {
  fqn: (item, value, project) => item.kind !== 'source' && matchesFqn(value, fqnOf(item, project)),
  tag: (item, value) => item.kind !== 'source' && item.tags.some((tag) => matchesGlob(value, tag)),
  path: (item, value) => item.kind !== 'source' && matchesPath(value, item.path),
  file: (item, value) => {
    const name = item.kind === 'source' ? '' : (item.path.split('/').at(-1) ?? '');
    return name !== '' && (matchesGlob(value, name) || matchesGlob(value, name.replace(/\.\w+$/, '')));
  },
  source: (item, value, project) => item.kind === 'source' && matchesSource(value, item, project),
  resource_type: (item, value) => item.kind === value || (value === 'data_test' && item.kind === 'test'),
  test_type: (item, value) => item.kind === 'test' && testTypes(item).includes(value),
  test_name: (item, value) =>
    item.kind === 'test' && matchesGlob(value, genericTestMacro(item.rawCode) ?? item.name),
  package: (_, value, project) => value === 'this' || matchesGlob(value, project),
};

/** Ids of nodes and sources that a criterion names. @throws SELECTOR_INVALID for a method that strata doesn't have. */
export const matchCriterion = (manifest: Manifest, { method, value, text }: Criterion): Set<string> => {
  const test = methodFor(method, value);
  if (!test) {
    throw new StrataError(
      'SELECTOR_INVALID',
      `${JSON.stringify(text)} selects by ${method ?? ''}, which isn't supported`,
    );
  }
  const items: Item[] = [
    ...Object.values(manifest.nodes),
    ...Object.values(manifest.sources).map((source) => ({ ...source, kind: 'source' as const })),
  ];
  return new Set(items.filter((item) => test(item, value, manifest.project)).map(({ id }) => id));
};

const methodFor = (method: string | undefined, value: string): Method | undefined => {
  if (method === undefined) return value.includes('/') ? METHODS['path'] : nameOrFile(value);
  if (method.startsWith('config.')) return configMethod(method.split('.').slice(1));
  return Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
};

const nameOrFile = (value: string): Method | undefined =>
  /\.(?:sql|ya?ml)$/.test(value) ? METHODS['file'] : METHODS['fqn'];

const configMethod =
  (keys: readonly string[]): Method =>
  (item, value) => {
    if (item.kind === 'source') return false;
    let found: unknown =
      item.kind === 'model' ? { ...item.config, materialized: item.materialized } : item.config;
    for (const key of keys) found = isMapping(found) ? found[key] : undefined;
    const values = isMapping(found) ? Object.keys(found) : asArray(found);
    return values.some((one) => matchesGlob(value, String(one)));
  };

/** Project, folders below the first, name. */
const fqnOf = (item: ManifestNode, project: string): string[] => [
  project,
  ...item.path.split('/').slice(1, -1),
  item.name,
];

/** A name, or the beginning of a fully qualified one with or without the project: `staging`, `echo.marts.*`. */
const matchesFqn = (value: string, fqn: readonly string[]): boolean => {
  if (matchesGlob(value, fqn.at(-1) ?? '')) return true;
  const parts = value.split('.');
  return [fqn, fqn.slice(1)].some(
    (name) =>
      (parts.length <= name.length && parts.every((part, i) => matchesGlob(part, name[i] ?? ''))) ||
      (/[*?[]/.test(value) && matchesGlob(value, name.join('.'))),
  );
};

const matchesPath = (value: string, path: string): boolean => {
  const wanted = value.replace(/^\.\//, '').replace(/\/$/, '');
  return path.startsWith(`${wanted}/`) || matchesGlob(wanted, path) || matchesGlob(`${wanted}/*`, path);
};

const matchesSource = (value: string, source: ManifestSource, project: string): boolean => {
  const parts = value.split('.');
  const [table, sourceName, owner] =
    parts.length === 3 ? [parts[2], parts[1], parts[0]] : [parts[1] ?? '*', parts[0], '*'];
  return (
    matchesGlob(owner ?? '*', project) &&
    matchesGlob(sourceName ?? '*', source.sourceName) &&
    matchesGlob(table ?? '*', source.name)
  );
};

const testTypes = (item: ManifestNode): string[] => [
  'data',
  item.path.endsWith('.sql') ? 'singular' : 'generic',
];
