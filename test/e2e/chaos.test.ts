import { withSession } from '../chaos/ask';
import type { Findings } from '../chaos/checks';
import type { Fault } from '../chaos/faults';
import { runChaos } from '../chaos/run-chaos';

jest.setTimeout(300_000);

const faults: readonly Fault[] = [
  {
    id: '1',
    kind: 'worker-killed',
    activity: 'acceptBatch',
    point: 'after',
    moment: { kind: 'timer', afterMs: 0 },
  },
  {
    id: '2',
    kind: 'worker-killed',
    activity: 'loadFile',
    point: 'during',
    moment: { kind: 'answered', statement: 6 },
  },
  { id: '3', kind: 'copy-cut', activity: 'loadFile', point: 'during', moment: { kind: 'copy' } },
  { id: '4', kind: 'started-twice', afterMs: 0, variant: 1 },
  {
    id: '5',
    kind: 'worker-killed',
    activity: 'runNode',
    point: 'after',
    moment: { kind: 'timer', afterMs: 0 },
  },
  {
    id: '6',
    kind: 'temporal-killed',
    activity: 'publishBatch',
    point: 'after',
    moment: { kind: 'timer', afterMs: 0 },
  },
  {
    id: '7',
    kind: 'worker-killed',
    activity: 'failBatch',
    point: 'before',
    moment: { kind: 'timer', afterMs: 0 },
  },
  {
    id: '8',
    kind: 'postgres-killed',
    activity: 'runNode',
    point: 'during',
    moment: { kind: 'answered', statement: 8 },
  },
  {
    id: '9',
    kind: 'worker-frozen',
    activity: 'runNode',
    point: 'during',
    moment: { kind: 'answered', statement: 8 },
  },
  {
    id: '10',
    kind: 'half-open',
    activity: 'publishBatch',
    point: 'during',
    moment: { kind: 'answered', statement: 2 },
  },
  {
    id: '11',
    kind: 'worker-killed',
    activity: 'deliverAlert',
    point: 'after',
    moment: { kind: 'timer', afterMs: 0 },
  },
  {
    id: '12',
    kind: 'worker-killed',
    activity: 'archiveNext',
    point: 'during',
    moment: { kind: 'step', step: 'archive: file written', side: 'unsent' },
  },
  // In a round of its own, which begins with the months archived.
  {
    id: '13',
    kind: 'worker-killed',
    activity: 'runNode',
    point: 'during',
    moment: { kind: 'step', step: 'archive: rows brought back', side: 'answered' },
  },
];

/** What the checks say when somebody has tampered with the tables. */
const tampered = async (
  databaseUrl: string,
  statement: string,
  checkAgain: () => Promise<Findings>,
): Promise<Findings> => {
  await withSession(databaseUrl, (client) => client.query(statement));
  return checkAgain();
};

test('whatever is killed, cut off, frozen or started twice: no row is lost or doubled, and nobody has to help', async () => {
  const lines: string[] = [];
  const report = await runChaos({
    faults: faults.length,
    seed: 7,
    faultsARound: 6,
    sequence: faults.values(),
    log: (line) => lines.push(line),
    afterwards: async (url, checkAgain) => {
      const noFiles = "update ops.partition_archive set state = 'restored' where state = 'archived'";
      expect((await tampered(url, noFiles, checkAgain)).texts.join()).toMatch(
        /gold\.fct_transactions: missing \w+ \|/,
      );
      const oneRow = `(select min(ctid) from strata_bronze.transactions)`;
      const twice = `insert into strata_bronze.transactions select * from strata_bronze.transactions where ctid = ${oneRow}`;
      expect(await tampered(url, twice, checkAgain)).toMatchObject({ doubled: 1 });
      const gone = `delete from strata_bronze.customers where ctid = (select min(ctid) from strata_bronze.customers)`;
      expect(await tampered(url, gone, checkAgain)).toMatchObject({ lost: 1 });
      const other = 'update platinum.mart_revenue_daily set revenue = revenue + 0.01';
      expect((await tampered(url, other, checkAgain)).texts.join()).toContain('platinum.mart_revenue_daily');
    },
  });
  expect({ ...report, lines }).toMatchObject({
    ...{ lost: 0, doubled: 0, wrong: 0, stuck: 0, problems: [] },
    ...{ faults: faults.length, missed: 0 },
    byKind: {
      ...{ 'worker-killed': 7, 'worker-frozen': 1, 'half-open': 1 },
      ...{ 'postgres-killed': 1, 'temporal-killed': 1 },
    },
  });
});
