import { z } from 'zod/v4';
import { isMapping, type Mapping } from './node-config';
import { Freshness } from './source-freshness';
import { parseYamlFile, type ProjectFile, projectInvalid, type YamlFile, type YamlPath } from './yaml-file';

const Config = z.record(z.string(), z.unknown()).nullish();
const Tests = z.array(z.union([z.string().min(1), z.record(z.string(), z.unknown())])).nullish();
const Tags = z.union([z.string(), z.array(z.string())]).nullish();
const Description = z.string().nullish();
const Name = z.string().min(1);

const Column = z.looseObject({
  name: Name,
  quote: z.boolean().optional(),
  config: Config,
  tests: Tests,
  data_tests: Tests,
});
const Columns = z.array(Column).nullish();

const Model = z.looseObject({
  name: Name,
  description: Description,
  config: Config,
  columns: Columns,
  tests: Tests,
  data_tests: Tests,
});

const SourceFields = {
  config: Config,
  tags: Tags,
  description: Description,
  loaded_at_field: z.string().nullish(),
  meta: Config,
};

const SourceTable = z.looseObject({
  ...SourceFields,
  name: Name,
  identifier: Name.optional(),
  freshness: Freshness,
  columns: Columns,
  tests: Tests,
  data_tests: Tests,
});

const Source = z.looseObject({
  ...SourceFields,
  name: Name,
  schema: Name.optional(),
  freshness: Freshness,
  tables: z.array(SourceTable).nullish(),
});

const Properties = z.looseObject({
  version: z.literal(2, 'must be 2').optional(),
  models: z.array(Model).nullish(),
  sources: z.array(Source).nullish(),
});

export type ModelProperties = z.infer<typeof Model>;
export type SourceProperties = z.infer<typeof Source>;
export type SourceTableProperties = z.infer<typeof SourceTable>;
export type PropertiesFile = YamlFile<z.infer<typeof Properties>>;

/** A generic test as a properties file declares it. */
export interface TestDeclaration {
  /** `not_null`, or the name of a project's own `{% test %}` block. */
  readonly test: string;
  /** The name that the author gave to the test itself. */
  readonly name?: string | undefined;
  readonly arguments: Mapping;
  readonly config: Mapping;
  readonly column?: { readonly name: string; readonly quote: boolean } | undefined;
  readonly file: string;
  readonly line?: number | undefined;
}

/** @throws PROJECT_INVALID */
export const parsePropertiesFile = (file: ProjectFile): PropertiesFile => parseYamlFile(file, Properties);

/** Keys that say how a test is judged; they may stand beside its arguments. */
const TEST_CONFIG_KEYS = [
  'severity',
  'where',
  'limit',
  'enabled',
  'tags',
  'meta',
  'warn_if',
  'error_if',
  'fail_calc',
  'store_failures',
];

interface Tested {
  readonly columns?: z.infer<typeof Columns>;
  readonly tests?: z.infer<typeof Tests>;
  readonly data_tests?: z.infer<typeof Tests>;
}

/** All tests of a model or a source's table, those of its columns included. */
export const testDeclarations = (file: PropertiesFile, tested: Tested, path: YamlPath): TestDeclaration[] => {
  const own = testsOf(tested).map(({ entry, at }) => declaration(file, entry, [...path, ...at]));
  const ofColumns = (tested.columns ?? []).flatMap((column, i) =>
    testsOf(column).map(({ entry, at }) => ({
      ...declaration(file, entry, [...path, 'columns', i, ...at]),
      column: { name: column.name, quote: column.quote ?? false },
    })),
  );
  return [...own, ...ofColumns];
};

const testsOf = (tested: Tested): { entry: string | Mapping; at: YamlPath }[] =>
  (['tests', 'data_tests'] as const).flatMap((key) =>
    (tested[key] ?? []).map((entry, i) => ({ entry, at: [key, i] })),
  );

const declaration = (file: PropertiesFile, entry: string | Mapping, path: YamlPath): TestDeclaration => {
  const line = file.lineOf(path);
  const { test, body } = testAndBody(file, entry, line);
  const { arguments: nested, config, name, description: _, test_name: __, column_name, ...rest } = body;
  const beside = Object.entries(rest).filter(([key]) => TEST_CONFIG_KEYS.includes(key));
  const args = Object.entries(rest).filter(([key]) => !TEST_CONFIG_KEYS.includes(key));
  return {
    test,
    name: typeof name === 'string' ? name : undefined,
    arguments: {
      ...Object.fromEntries(args),
      ...(isMapping(nested) ? nested : {}),
    },
    config: { ...Object.fromEntries(beside), ...(isMapping(config) ? config : {}) },
    column: typeof column_name === 'string' ? { name: column_name, quote: false } : undefined,
    file: file.path,
    line,
  };
};

const testAndBody = (
  file: PropertiesFile,
  entry: string | Mapping,
  line: number | undefined,
): { test: string; body: Mapping } => {
  if (typeof entry === 'string') return { test: entry, body: {} };
  if (typeof entry['test_name'] === 'string') return { test: entry['test_name'], body: entry };
  const [test, ...others] = Object.keys(entry).filter((key) => key !== 'config' && key !== 'name');
  const body = test === undefined ? undefined : entry[test];
  if (test === undefined || others.length > 0 || (body !== null && !isMapping(body))) {
    throw projectInvalid(file.path, line, 'a test is a name, or one name with a mapping of its arguments');
  }
  const { config, name } = entry;
  return { test, body: { ...(config ? { config } : {}), ...(name ? { name } : {}), ...body } };
};
