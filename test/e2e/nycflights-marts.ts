import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleDir } from './nycflights-project';

type Flight = Readonly<Record<string, string>>;

/** Lines of the sample that are no good rows, by file; the header is line 1. */
const BAD_LINES: Readonly<Record<string, readonly number[]>> = {
  'flights-2013-02.csv': [6],
  'flights-2013-03.csv': [8, 9],
};

const readFlights = (file: string): Flight[] => {
  const [header = '', ...lines] = readFileSync(join(sampleDir, file), 'utf8').trimEnd().split('\n');
  const names = header.split(',');
  return lines
    .filter((_, i) => !BAD_LINES[file]?.includes(i + 2))
    .map((line) => Object.fromEntries(line.split(',').map((text, i) => [names[i] ?? '', text])));
};

/** The flights that stand when the files are loaded in this order. */
const standing = (files: readonly string[]): Flight[] => {
  const byKey = new Map<string, Flight>();
  for (const flight of files.flatMap(readFlights)) {
    const { year, month, day, carrier, flight: number, origin } = flight;
    byKey.set([year, month, day, carrier, number, origin].join(), flight);
  }
  return [...byKey.values()];
};

const numbers = (flights: readonly Flight[], column: string): number[] =>
  flights.flatMap((f) => (f[column] === 'NA' ? [] : [Number(f[column])])).sort((a, b) => a - b);

/** Two decimals, half away from zero, in whole numbers. */
const average = (values: readonly number[]): string | null => {
  if (values.length === 0) return null;
  const hundredths = values.reduce((sum, value) => sum + value, 0) * 100;
  const rounded = Math.floor((2 * Math.abs(hundredths) + values.length) / (2 * values.length));
  const text = `${Math.floor(rounded / 100)}.${String(rounded % 100).padStart(2, '0')}`;
  return hundredths < 0 && rounded > 0 ? `-${text}` : text;
};

const monthlyRow = (key: string, flights: readonly Flight[]): readonly (string | null)[] => {
  const arrivals = numbers(flights, 'arr_delay');
  const departures = numbers(flights, 'dep_delay');
  const flown = flights.filter((f) => f['dep_time'] !== 'NA');
  return [
    ...key.split(' '),
    String(flights.length),
    String(flights.length - flown.length),
    String(flown.filter((f) => f['arr_delay'] === 'NA').length),
    String(departures.filter((minutes) => minutes >= 15).length),
    String(arrivals.filter((minutes) => minutes >= 15).length),
    average(departures),
    average(arrivals),
    arrivals.length === 0 ? null : String(arrivals[Math.ceil(arrivals.length / 2) - 1]),
  ];
};

/** `mart_delays_monthly` computed from the files alone, without the airlines' names. */
export const monthlyDelays = (files: readonly string[]): (readonly (string | null)[])[] => {
  const groups = new Map<string, Flight[]>();
  for (const flight of standing(files)) {
    const { year, month = '', carrier } = flight;
    const key = `${year}-${month.padStart(2, '0')}-01 ${carrier}`;
    groups.set(key, [...(groups.get(key) ?? []), flight]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, flights]) => monthlyRow(key, flights));
};
