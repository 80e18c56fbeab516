import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { createTestDatabase, runStatements } from '../support/database';
import {
  compareTables,
  consistencyProblems,
  deadLetterProblems,
  readScenario,
  type Scenario,
} from './scenario';
import { type Env, requireBuild, serversOf, startStrata, strata } from './strata';

const names = readdirSync(resolve(__dirname, '..', 'fixtures', 'scenarios')).sort();

const expectTables = async (scenario: Scenario, url: string): Promise<void> => {
  const { actual, expected } = await compareTables(scenario, url);
  expect(actual).toEqual(expected);
  expect(await deadLetterProblems(scenario, url)).toEqual([]);
  expect(await consistencyProblems(url)).toEqual([]);
};

const runStep = async (args: readonly string[], env: Env): Promise<void> => {
  const { code, stdout, stderr } = await strata(args, env);
  if (code !== 0) throw new Error(`strata ${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
};

beforeAll(requireBuild);

describe('a scenario leaves the expected tables, incrementally and after a full refresh', () => {
  test.each(names)(
    '%s',
    async (name) => {
      const scenario = readScenario(name);
      const database = await createTestDatabase();
      if (scenario.databaseTimeZone !== undefined)
        await runStatements(database.url, [
          `alter database ${database.name} set timezone to '${scenario.databaseTimeZone}'`,
        ]);
      const env = { ...serversOf(database.url), TZ: scenario.timeZone };
      const worker = startStrata(['worker'], env);
      try {
        for (const { args } of scenario.steps) await runStep(args, env);
        await expectTables(scenario, database.url);
        await runStep(['run', '--full-refresh'], env);
        await expectTables(scenario, database.url);
      } finally {
        await worker.stop();
        await database.drop();
      }
    },
    180_000,
  );
});
