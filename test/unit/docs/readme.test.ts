import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgram } from '../../../src/cli/main';
import { compileProject } from '../../../src/compiler/compile-project';
import { loadDatasets } from '../../../src/project/load-datasets';
import { readProjectFiles } from '../../../src/project/read-project';
import {
  AckIncident,
  ConditionObserved,
  MuteAlerts,
  TestAlert,
  UnmuteAlerts,
} from '../../../src/wire/alerts';
import { IngestInput } from '../../../src/wire/ingest';
import {
  alertWorkflowId,
  archiveWorkflowId,
  DEFAULT_WAREHOUSE,
  hostTaskQueue,
  inboxWorkflowId,
  ingestWorkflowId,
  pipelineWorkflowId,
  QUERY,
  replayWorkflowId,
  scheduleId,
  SEARCH_ATTRIBUTE,
  SIGNAL,
  transformWorkflowId,
  UPDATE,
  WORKFLOW,
} from '../../../src/wire/names';
import { CancelRun, FullRefresh, ResumeNodes, RunRequest } from '../../../src/wire/pipeline';
import { TransformInput } from '../../../src/wire/transform';
import { codeBlocks, nameIn, namesIn, readText, ROOT, section, tableRows } from './markdown';

const readme = readText('README.md');

test('the README is at most 250 lines long', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(250);
});

test('every command is in its table, and no other', () => {
  const listed = tableRows(section(readme, '## Commands')).map(([cell]) => nameIn(cell).split(' ')[0]);
  const commands = createProgram(() => undefined).commands.map((c) => c.name());
  expect(listed.sort()).toEqual(commands.sort());
});

describe('the public names', () => {
  const names = section(readme, '## Public names');

  test('every name on the wire is documented, and no other', () => {
    const kinds: Record<string, readonly string[]> = {
      'task queue': ['WAREHOUSE', hostTaskQueue('WAREHOUSE', 'HOST')],
      workflow: Object.values(WORKFLOW),
      'workflow id': [
        pipelineWorkflowId('WAREHOUSE'),
        alertWorkflowId('WAREHOUSE'),
        inboxWorkflowId('WAREHOUSE'),
        archiveWorkflowId('WAREHOUSE'),
        transformWorkflowId('WAREHOUSE', 0).replace('0', 'N'),
        ingestWorkflowId('WAREHOUSE', 'DATASET', 'KEY'),
        replayWorkflowId('WAREHOUSE', 'ID'),
        `${scheduleId('WAREHOUSE', 'NAME')}-TIME`,
      ],
      'schedule id': [scheduleId('WAREHOUSE', 'NAME')],
      signal: Object.values(SIGNAL),
      update: Object.values(UPDATE),
      query: Object.values(QUERY),
      'search attribute': Object.values(SEARCH_ATTRIBUTE),
    };
    const actual = Object.entries(kinds).flatMap(([kind, all]) => all.map((name) => `${kind} ${name}`));
    const reference = section(readText('docs/reference.md'), '## Public names');
    const documented = tableRows(reference).map(([kind, name]) => `${kind} ${nameIn(name)}`);
    expect(documented.sort()).toEqual(actual.sort());
    // Here a row has all names of a kind; `pipeline` also says whom a signal is for.
    const listed = tableRows(names).flatMap(([kind = '', cell = '']) =>
      namesIn(cell.replace(/(?:^|; )(?:to|on|of) [^:]+:/g, '')).map((name) => `${kind} ${name}`),
    );
    expect(listed.sort()).toEqual(actual.sort());
  });

  const lines = [...codeBlocks(names, ''), ...codeBlocks(readText('docs/alerts.md'), '')]
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('temporal '));
  const option = (line: string, name: string): string | undefined =>
    new RegExp(` --${name} (?:'([^']*)'|(\\S+))`)
      .exec(line)
      ?.slice(1)
      .find((value) => value !== undefined);

  test.each(lines)('%s', (line) => {
    const known = [
      ...Object.values(WORKFLOW),
      ...Object.values(SIGNAL),
      ...Object.values(UPDATE),
      ...Object.values(QUERY),
    ];
    const message = option(line, 'signal-name') ?? option(line, 'update-name');
    const name = message ?? option(line, 'type') ?? option(line, 'name');
    if (name !== undefined) expect(known).toContain(name);
    const queue = option(line, 'task-queue');
    if (queue !== undefined) expect(queue).toBe(DEFAULT_WAREHOUSE);
    const input = option(line, 'signal-input') ?? option(line, 'update-input') ?? option(line, 'input');
    const schemas: Record<string, { parse(value: unknown): unknown }> = {
      [WORKFLOW.ingest]: IngestInput,
      [WORKFLOW.transform]: TransformInput,
      [SIGNAL.fullRefresh]: FullRefresh,
      [UPDATE.requestRun]: RunRequest,
      [SIGNAL.cancelRun]: CancelRun,
      [UPDATE.resumeNodes]: ResumeNodes,
      [SIGNAL.muteAlerts]: MuteAlerts,
      [SIGNAL.unmuteAlerts]: UnmuteAlerts,
      [SIGNAL.ackIncident]: AckIncident,
      [SIGNAL.conditionObserved]: ConditionObserved,
      [UPDATE.testAlert]: TestAlert,
    };
    // What the schema would strip is a field that there isn't.
    if (input !== undefined) expect(schemas[name ?? '']?.parse(JSON.parse(input))).toEqual(JSON.parse(input));
  });
});

test('its example of a dataset and a model compiles within Echo', async () => {
  const [dataset = ''] = codeBlocks(readme, 'ts');
  const [model = ''] = codeBlocks(readme, 'sql');
  const pathIn = (text: string): string => /sql\/(\S+)/.exec(text.split('\n')[0] ?? '')?.[1] ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'strata-readme-'));
  try {
    cpSync(join(ROOT, 'sql'), dir, { recursive: true });
    writeFileSync(join(dir, pathIn(dataset)), dataset);
    writeFileSync(join(dir, pathIn(model)), model);
    const sources = join(dir, 'models', 'sources.yml');
    writeFileSync(sources, `${readFileSync(sources, 'utf8')}      - name: refunds\n`);
    const [files, datasets] = await Promise.all([readProjectFiles(dir), loadDatasets(dir)]);
    const { nodes } = compileProject({ files, datasets });
    expect(nodes['model.echo.stg_refunds']).toMatchObject({
      materialized: 'incremental',
      relation: { schema: 'silver', name: 'stg_refunds' },
      consumes: { datasets: ['refunds'] },
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
