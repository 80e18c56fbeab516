// Computes mart_delays_monthly and the history of the planes from the files in data/ alone, and compares both with
// what the models made. Usage: node examples/nycflights/scripts/check-marts.mjs DATABASE_URL
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const DATA = resolve(dirname(fileURLToPath(import.meta.url)), '..', 'data');

const readTable = (name) => {
  const [header, ...lines] = readFileSync(join(DATA, name), 'utf8').trimEnd().split('\n');
  const columns = header.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((text, i) => [columns[i], text])));
};

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Two decimals, half away from zero. */
const average = (values) => {
  if (values.length === 0) return null;
  const hundredths = sum(values) * 100;
  const rounded = Math.floor((2 * Math.abs(hundredths) + values.length) / (2 * values.length));
  return ((Math.sign(hundredths) * rounded) / 100).toFixed(2);
};

const numbers = (rows, column) =>
  rows
    .filter((row) => row[column] !== 'NA')
    .map((row) => Number(row[column]))
    .sort((a, b) => a - b);

const groupBy = (rows, keyOf) => {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (groups.has(key)) groups.get(key).push(row);
    else groups.set(key, [row]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
};

const monthlyDelays = (flights) => {
  const airlines = new Map(readTable('airlines.csv').map(({ carrier, name }) => [carrier, name]));
  const keyOf = ({ year, month, carrier }) => `${year}-${month.padStart(2, '0')}-01 ${carrier}`;
  return groupBy(flights, keyOf).map(([key, rows]) => {
    const [month, carrier] = key.split(' ');
    const [departures, arrivals] = [numbers(rows, 'dep_delay'), numbers(rows, 'arr_delay')];
    const flown = rows.filter((row) => row.dep_time !== 'NA');
    return [
      ...[month, carrier, airlines.get(carrier) ?? null, rows.length, rows.length - flown.length],
      flown.filter((row) => row.arr_delay === 'NA').length,
      departures.filter((minutes) => minutes >= 15).length,
      arrivals.filter((minutes) => minutes >= 15).length,
      ...[average(departures), average(arrivals), arrivals[Math.ceil(arrivals.length / 2) - 1] ?? null],
    ];
  });
};

/** Departure in minutes of UTC: the source's own hour, in UTC, and the minute within it. */
const departedAt = ({ time_hour, minute, dep_delay }) =>
  Date.parse(time_hour) / 60_000 + Number(minute) + Number(dep_delay);

/** Per plane, in its flights' order: each operator that is not the one before. */
const operators = (flights) => {
  const flown = flights.filter(({ tailnum, dep_time }) => tailnum !== 'NA' && dep_time !== 'NA');
  return groupBy(flown, ({ tailnum }) => tailnum).map(([tailnum, rows]) => [
    tailnum,
    rows
      .map((row) => [departedAt(row), row.carrier])
      .sort(([a], [b]) => a - b)
      .map(([, carrier]) => carrier)
      .filter((carrier, i, all) => carrier !== all[i - 1])
      .join(' then '),
  ]);
};

const MONTHLY = `select month::text, carrier, airline, flights, cancelled, diverted, departed_late, arrived_late,
    average_departure_delay, average_arrival_delay, median_arrival_delay
  from flights_platinum.mart_delays_monthly order by month, carrier`;
const OPERATORS = `select tailnum, string_agg(operator, ' then ' order by valid_from)
  from flights_gold.dim_plane group by tailnum order by tailnum collate "C"`;

const compare = async (client, what, expected, text) => {
  const { rows } = await client.query({ text, rowMode: 'array' });
  const asText = (list) =>
    list.map((row) => row.map((value) => (value === null ? 'NULL' : String(value))).join(','));
  const [got, wanted] = [asText(rows), asText(expected)];
  const found = new Set(got);
  const missing = wanted.filter((line) => !found.has(line));
  const isEqual = got.length === wanted.length && missing.length === 0;
  console.log(
    `${what}: ${got.length} rows, ${isEqual ? 'equal' : `NOT EQUAL, first ${missing[0] ?? 'a row too many'}`}`,
  );
  return isEqual;
};

const main = async (url) => {
  if (url === undefined) throw new Error('Name the database: check-marts.mjs DATABASE_URL');
  const files = readdirSync(DATA).filter((name) => name.startsWith('flights-'));
  const flights = files.flatMap(readTable);
  console.log(`${flights.length} flights in ${files.length} files`);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const marts = await compare(client, 'mart_delays_monthly', monthlyDelays(flights), MONTHLY);
    const planes = await compare(client, 'operators of dim_plane', operators(flights), OPERATORS);
    return marts && planes;
  } finally {
    await client.end();
  }
};

try {
  if (!(await main(process.argv[2]))) process.exitCode = 1;
} catch (error) {
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
