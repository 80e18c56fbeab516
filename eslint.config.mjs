import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// The dependency rule: wire <- domain <- compiler <- (db, project, ingest) <- activities; workflows see only wire and
// domain. Each folder lists what it may import beside itself; the message says where the code belongs instead.
const PARTS = [
  'wire',
  'domain',
  'compiler',
  'workflows',
  'activities',
  'db',
  'project',
  'ingest',
  'inbox',
  'archive',
  'notify',
  'stack',
  'demo',
  'cli',
  'dashboard',
  'observability',
  'temporal',
  'alert-config',
  'config',
  'config-values',
  'package-root',
  'settings',
  'worker',
];

const PACKAGES = {
  node: '^node:',
  database: '^(slonik|@slonik/pg-driver|pg|pg-copy-streams)$',
  temporal: '^@temporalio/',
};

const PACKAGE_ADVICE = {
  node: 'no node builtins here: files, hashes and time come in as parameters (see src/activities, src/project)',
  database: 'SQL belongs in src/db, one function per statement; import its functions, or only types',
  temporal: 'Temporal belongs in src/workflows, src/activities and src/cli; pass plain values instead',
};

const BOUNDARIES = {
  wire: {
    may: [],
    packages: ['node', 'database', 'temporal'],
    why: 'wire is what crosses Temporal: zod and plain types',
  },
  domain: {
    may: ['wire'],
    packages: ['node', 'database', 'temporal'],
    why: 'domain is pure: pass what it needs as parameters',
  },
  compiler: {
    may: ['domain', 'wire'],
    packages: ['node', 'database', 'temporal'],
    why: 'the compiler is pure: files come as strings (src/project), database facts as values (src/db)',
  },
  workflows: {
    may: ['domain', 'wire'],
    types: ['activities'],
    packages: ['node', 'database'],
    why: 'a workflow only orders, waits and retries: do the work in an activity, decide in src/domain',
  },
  db: {
    may: ['domain', 'wire', 'compiler', 'package-root'],
    packages: ['temporal'],
    why: 'db is below: let src/activities call it',
  },
  project: {
    may: ['domain', 'wire', 'compiler'],
    packages: ['database', 'temporal'],
    why: 'project only reads files',
  },
  ingest: {
    may: ['domain', 'wire', 'db'],
    packages: ['database', 'temporal'],
    why: 'ingest reads files and calls src/db; let src/activities call it',
  },
  inbox: {
    may: ['domain', 'wire', 'ingest'],
    packages: ['database', 'temporal'],
    why: 'inbox lists and moves files; let src/activities say what became of them',
  },
  notify: {
    may: ['domain', 'wire'],
    packages: ['database', 'temporal'],
    why: 'notify only sends what it is given; let src/activities say what became of it',
  },
  stack: {
    may: ['domain', 'wire'],
    packages: ['database', 'temporal'],
    why: 'the stack only starts and stops servers',
  },
  demo: { may: ['domain', 'wire'], packages: ['database', 'temporal'], why: 'the demo only makes data' },
  observability: {
    may: ['domain', 'wire'],
    packages: ['database'],
    why: 'observability is used by others, not the reverse',
  },
  temporal: {
    may: ['domain', 'wire', 'observability'],
    types: ['config'],
    packages: ['database'],
    why: 'this folder only connects to Temporal, and keeps its schedules',
  },
  activities: {
    may: [
      'domain',
      'wire',
      'compiler',
      'db',
      'project',
      'ingest',
      'inbox',
      'archive',
      'notify',
      'observability',
      'temporal',
    ],
    packages: ['database'],
    why: 'activities get their dependencies as parameters (createActivities): pass it in from src/worker.ts',
  },
  cli: {
    may: [
      'domain',
      'wire',
      'compiler',
      'db',
      'project',
      'ingest',
      'archive',
      'stack',
      'demo',
      'observability',
      'temporal',
      'config',
      'settings',
      'dashboard',
      'package-root',
      'worker',
    ],
    types: ['workflows'],
    packages: ['database'],
    why: 'a command starts workflows and reads by src/db; only the worker runs activities',
  },
  dashboard: {
    may: [
      'domain',
      'wire',
      'compiler',
      'db',
      'project',
      'ingest',
      'observability',
      'temporal',
      'config',
      'package-root',
      'settings',
    ],
    types: ['workflows'],
    packages: ['database'],
    why: 'the dashboard starts workflows and reads by src/db',
  },
};

const path = (parts) => `^(\\.\\./)+(${parts.join('|')})(/|$)`;

const boundary = ([folder, { may, types = [], packages, why }]) => {
  const banned = PARTS.filter((part) => part !== folder && !may.includes(part) && !types.includes(part));
  const patterns = [
    { regex: path(banned), message: `src/${folder} may not import this: ${why}.` },
    ...(types.length === 0
      ? []
      : [
          {
            regex: path(types),
            allowTypeImports: true,
            message: `src/${folder}: import only types of this; ${why}.`,
          },
        ]),
    ...packages.map((name) => ({
      regex: PACKAGES[name],
      // The types of a pool or a connection may be passed through; in workflows and below nothing at all.
      allowTypeImports: name === 'database' && !['wire', 'domain', 'compiler', 'workflows'].includes(folder),
      message: `src/${folder}: ${PACKAGE_ADVICE[name]}.`,
    })),
  ];
  return {
    files: [`src/${folder}/**/*.ts`, `src/${folder}/**/*.tsx`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
};

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      '.strata/',
      'coverage/',
      'examples/*/data/',
      'test/replay/histories/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    rules: {
      // A zod schema and its type share a name.
      '@typescript-eslint/no-redeclare': 'off',
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/only-throw-error': 'error',
      // Factories return objects of closures, which use no `this`.
      '@typescript-eslint/unbound-method': 'off',
      // An implementation of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Messages quote values of any type.
      '@typescript-eslint/no-base-to-string': 'off',
      'import-x/no-default-export': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-console': ['error'],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only src/config.ts reads the environment: add it to Config.',
        },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
    settings: {
      'import-x/resolver': { node: { extensions: ['.ts', '.js'] } },
      'import-x/extensions': ['.ts', '.js'],
    },
  },
  ...Object.entries(BOUNDARIES).map(boundary),
  {
    files: ['src/cli.ts', 'src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  // A command hands the environment on, to the configuration and to the programs it starts.
  {
    files: ['src/config.ts', 'src/cli/**/*.ts', 'src/stack/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['test/**/*.ts', 'sql/**/*.ts', 'examples/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
);
