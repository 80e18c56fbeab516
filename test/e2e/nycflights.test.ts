import { monthlyDelays } from './nycflights-marts';
import { NycflightsProject } from './nycflights-project';

jest.setTimeout(120_000);

/** The corrected file comes after the one it corrects, months and reference data in no order. */
const ORDERS: readonly (readonly string[])[] = [
  [
    'flights-2013-11.csv',
    'weather.csv',
    'flights-2013-07.csv',
    'planes.csv',
    'flights-2013-02.csv',
    'airlines.csv',
    'flights-2013-07-corrected.csv',
    'flights-2013-03.csv',
    'airports.csv',
  ],
  [
    'airlines.csv',
    'airports.csv',
    'flights-2013-03.csv',
    'flights-2013-07.csv',
    'flights-2013-07-corrected.csv',
    'flights-2013-02.csv',
    'flights-2013-11.csv',
    'weather.csv',
    'planes.csv',
  ],
];

const flightsOf = (order: readonly string[]): string[] => order.filter((file) => file.startsWith('flights'));

const MONTHLY = `select month::text, carrier, flights::text, cancelled::text, diverted::text, departed_late::text,
  arrived_late::text, average_departure_delay::text, average_arrival_delay::text, median_arrival_delay::text
from flights_platinum.mart_delays_monthly order by month, carrier`;

describe.each(ORDERS.map((order) => ({ first: order[0], order })))(
  'the nycflights example, with $first first',
  ({ order }) => {
    let project: NycflightsProject;

    beforeAll(async () => {
      project = await NycflightsProject.open();
      for (const file of order) {
        await project.load(file);
        await project.run();
      }
    });

    afterAll(async () => {
      await project?.close();
    });

    test('the delays by month and carrier are what the files come to', async () => {
      const rows = (await project.rows(MONTHLY)).map((row) => Object.values(row));
      expect(rows).toEqual(monthlyDelays(flightsOf(order)));
    });

    test('times on the clock are the right instants on both sides of a change of clocks', async () => {
      const rows = await project.rows(
        `select flight_id, to_char(scheduled_departure_at, 'MM-DD HH24:MI') as departs, to_char(arrived_at, 'MM-DD HH24:MI') as arrived
        from flights_gold.fct_flights where flight_date between '2013-03-10' and '2013-03-11' or flight_date >= '2013-11-01'
        order by flight_id`,
      );
      expect(rows.map((row) => Object.values(row))).toEqual([
        ['2013-03-10/UA/200/EWR', '03-10 06:30', '03-10 12:28'],
        ['2013-03-10/UA/201/EWR', '03-10 07:15', null],
        ['2013-03-11/US/300/JFK', '03-11 12:00', '03-11 17:40'],
        ['2013-11-02/UA/500/EWR', '11-03 03:59', '11-03 08:25'],
        ['2013-11-03/UA/501/EWR', '11-03 11:00', '11-03 14:50'],
        ['2013-11-04/B6/708/JFK', '11-05 04:55', null],
      ]);
    });

    test('a flight belongs to its day in New York, whatever the day in UTC', async () => {
      const rows = await project.rows(
        `select flight_date::text as day, to_char(departed_at, 'YYYY-MM-DD HH24:MI') as departed, tableoid::regclass::text as partition
        from flights_gold.fct_flights where flight_id = '2013-02-28/B6/707/JFK'`,
      );
      expect(rows).toEqual([
        {
          day: '2013-02-28',
          departed: '2013-03-01 05:05',
          partition: 'flights_gold.fct_flights_2013_02',
        },
      ]);
    });

    test('a plane that changed hands and came back has a version for each, whatever month was loaded first', async () => {
      const rows = await project.rows(
        `select operator, manufacturer, to_char(valid_from, 'YYYY-MM-DD HH24:MI') as valid_from, to_char(valid_to, 'YYYY-MM-DD HH24:MI') as valid_to
        from flights_gold.dim_plane as p where tailnum = 'N1PQ' order by p.valid_from`,
      );
      expect(rows.map((row) => Object.values(row))).toEqual([
        ['EV', 'BOMBARDIER INC', '2013-01-01 05:00', '2013-03-20 13:01'],
        ['9E', 'BOMBARDIER INC', '2013-03-20 13:01', '2013-07-04 13:20'],
        ['EV', 'BOMBARDIER INC', '2013-07-04 13:20', null],
      ]);
    });

    test('both hours of 01:00 in the night the clocks go back count, and NA counts as nothing', async () => {
      const rows = await project.rows(
        `select average_temperature::text as temperature, precipitation::text, greatest_wind_speed::text as wind, least_visibility::text as visibility
        from flights_platinum.mart_delays_daily where day = '2013-11-03' and origin = 'EWR'`,
      );
      expect(rows).toEqual([{ temperature: '52.0', precipitation: '0.03', wind: '8.1', visibility: '8' }]);
    });

    test('what does not fit the contract is a dead letter that says why', async () => {
      const rows = await project.rows(
        `select source, line_number::text as line, error from ops.dead_letter_queue order by source, line_number`,
      );
      expect(rows.map(({ source, line }) => `${source}:${line}`)).toEqual([
        'airports/airports.csv:7',
        'flights/flights-2013-02.csv:6',
        'flights/flights-2013-03.csv:8',
        'flights/flights-2013-03.csv:9',
      ]);
      expect(rows[0]?.['error']).toContain('tzone');
      expect(rows[1]?.['error']).toContain('real day');
      for (const column of ['dep_time', 'dep_delay', 'origin']) expect(rows[2]?.['error']).toContain(column);
    });

    test('the data tests pass, but for what the source lacks', async () => {
      const results = await project.run({ command: 'test' });
      const warned = results.filter((result) => result.state !== 'success');
      expect(warned.map(({ name, state }) => `${state} ${name.slice(0, 30)}`)).toEqual([
        'warn arrivals_match_the_clock',
        'warn not_null_mart_delays_daily_ave',
        'warn relationships_stg_flights_dest',
      ]);
    });

    test('a full refresh changes nothing', async () => {
      const before = await project.checksums();
      await project.run({ fullRefresh: true });
      expect(await project.checksums()).toEqual(before);
    });
  },
);

test('the order in which files are loaded leaves no trace', async () => {
  const projects = await Promise.all(ORDERS.map(() => NycflightsProject.open()));
  try {
    const checksums = [];
    for (const [i, project] of projects.entries()) {
      for (const file of ORDERS[i] ?? []) await project.load(file);
      await project.run();
      checksums.push(await project.checksums());
    }
    expect(checksums[1]).toEqual(checksums[0]);
  } finally {
    for (const project of projects) await project.close();
  }
});
