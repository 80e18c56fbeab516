// `npm run audit`: known vulnerabilities of the dependencies that strata ships with. Exit code 0: none of level high or
// worse; 1: some; 2: the registry can't say (a mirror without the audit endpoint, or no network): audit elsewhere.
// `npm test` runs it too.
import { spawnSync } from 'node:child_process';

const LEVELS = ['high', 'critical'];
/** A registry out of reach is told soon. */
const NETWORK = ['--fetch-retries=0', '--fetch-timeout=20000'];
const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json', ...NETWORK], {
  encoding: 'utf8',
  shell: true,
});

const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

const report = parse(stdout ?? '');
const counts = report.metadata?.vulnerabilities;
if (counts === undefined) {
  console.error('not audited: this registry has no audit endpoint, or is out of reach');
  console.error('run it against another: npm run audit --registry=URL');
  process.exitCode = 2;
} else {
  const found = Object.values(report.vulnerabilities ?? {}).filter(({ severity }) =>
    LEVELS.includes(severity),
  );
  for (const { name, severity, range } of found) console.log(`${severity}: ${name} ${range}`);
  console.log(`${found.length} of level high or worse, ${counts.total} in all`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
