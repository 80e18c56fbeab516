import fc from 'fast-check';
import type { DatabasePool } from 'slonik';
import { type Period, periodsOf } from '../../../src/compiler/periods';
import { createWarehousePool } from '../../../src/db/pool';
import { rawSql } from '../../../src/db/raw-sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';

let database: TestDatabase;
let pool: DatabasePool;
beforeAll(async () => {
  database = await createTestDatabase();
  pool = await createWarehousePool(database.url);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const periods = async (query: string): Promise<readonly unknown[]> => (await pool.query(rawSql(query))).rows;

/** What the calendar says of each row. */
const byCalendar = (period: Period, query: string): string =>
  `select distinct date_trunc('${period}', x::timestamptz at time zone 'UTC')::date::text as period from (${query}) as t(x)
where x is not null order by 1`;

/** All months that PostgreSQL has as times: microseconds since 2000, from January 4713 BC to 294276. */
const microseconds = fc.oneof(
  fc.bigInt({ min: -2_451_485n * 86_400_000_000n, max: 9_223_371_331_199_999_999n }),
  fc.bigInt({ min: -31_536_000_000_000_000n / 10n, max: 31_536_000_000_000_000n / 10n }),
  fc.integer({ min: -400, max: 400 }).map((days) => BigInt(days) * 86_400_000_000n),
  fc.integer({ min: -400, max: 400 }).map((days) => BigInt(days) * 86_400_000_000n - 1n),
);

const asTime = (n: bigint): string =>
  `timestamptz '2000-01-01Z' + interval '1 day' * ${n / 86_400_000_000n} + interval '1 microsecond' * ${n % 86_400_000_000n}`;

test.each<Period>(['month', 'day'])(
  'the %ss of any times are those that the calendar gives',
  async (period) => {
    await fc.assert(
      fc.asyncProperty(fc.array(microseconds, { minLength: 1, maxLength: 20 }), async (times) => {
        const query = `select x from unnest(array[${times.map(asTime).join(', ')}]) as t(x)`;
        expect(await periods(periodsOf(period, query))).toEqual(await periods(byCalendar(period, query)));
      }),
      { numRuns: 100 },
    );
  },
);

test('dates, NULLs and times without end are as by the calendar', async () => {
  for (const query of [
    "select x from (values (date '2024-02-29'), (date '2024-03-01'), (null), (date 'infinity'), (date '0044-03-15 BC')) as t(x)",
    "select x from (values (timestamptz '-infinity'), (timestamptz '2024-03-31 23:30-02'), (null)) as t(x)",
    'select null::timestamptz',
  ])
    expect(await periods(periodsOf('month', query))).toEqual(await periods(byCalendar('month', query)));
});
