import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { type Config, type ConfigFlags, loadConfig } from '../../../src/config';
import { isStrataError } from '../../../src/domain/errors';
import { settings } from '../../../src/settings';

/** No configuration file of whoever runs the tests. */
const NO_FILE = { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' };

const load = (env: Record<string, string>, flags?: ConfigFlags): Config =>
  loadConfig({ ...NO_FILE, ...env }, flags);

const problemsOf = (env: Record<string, string>, flags?: ConfigFlags): string[] => {
  try {
    load(env, flags);
  } catch (error) {
    if (isStrataError(error) && error.code === 'CONFIG_INVALID') return error.message.split('; ');
    throw error;
  }
  return [];
};

const checkout = resolve(__dirname, '..', '..', '..');

test('with nothing set the embedded stack and the own project are meant', () => {
  expect(load({})).toMatchObject({
    databaseUrl: undefined,
    warehouse: 'strata',
    temporal: { address: undefined, namespace: 'default' },
    stateDir: join(checkout, '.strata'),
    projectDir: join(checkout, 'sql'),
    maxFieldBytes: 1_048_576,
    retries: 3,
    retryIntervalMs: 60_000,
    suspendAfter: 3,
    threads: 4,
    inlineWorker: false,
    logLevel: 'warn',
  });
});

test('a warehouse is called as its database, unless it has a name of its own', () => {
  const url = 'postgres://u:p@host:5432/sales%20eu?sslmode=require';
  expect(load({ DATABASE_URL: url }).warehouse).toBe('sales eu');
  expect(load({ DATABASE_URL: url, STRATA_WAREHOUSE: 'eu' }).warehouse).toBe('eu');
});

test('a flag goes over its variable, and an empty variable is an unset one', () => {
  const env = { STRATA_THREADS: '2', STRATA_WAREHOUSE: '', TEMPORAL_ADDRESS: 'env:7233' };
  const config = load(env, { threads: 8, temporalAddress: 'flag:7233' });
  expect(config).toMatchObject({ threads: 8, warehouse: 'strata', temporal: { address: 'flag:7233' } });
});

test.each([
  ['5', 5_000],
  ['500ms', 500],
  ['0', 0],
  ['1.5s', 1_500],
  ['2m', 120_000],
])('a retry interval of %s is %d ms', (text, ms) => {
  expect(load({ STRATA_RETRY_INTERVAL: text }).retryIntervalMs).toBe(ms);
});

test('roots are separated as in PATH and made absolute', () => {
  expect(load({ STRATA_FILE_ROOTS: '/data:/more::rel' }).fileRoots).toEqual([
    '/data',
    '/more',
    resolve('rel'),
  ]);
  expect(load({ STRATA_FILE_ROOTS: 's3://b/in:/data:s3://c' }).fileRoots).toEqual([
    's3://b/in',
    '/data',
    's3://c',
  ]);
});

test('S3 addresses have the bucket in their path where an endpoint is named, unless it is said otherwise', () => {
  const pathStyle = (env: Record<string, string>): boolean => load(env).s3PathStyle;
  expect(pathStyle({})).toBe(false);
  expect(pathStyle({ AWS_ENDPOINT_URL_S3: 'http://s3.example' })).toBe(true);
  expect(pathStyle({ AWS_ENDPOINT_URL: 'http://aws.example', STRATA_S3_PATH_STYLE: '0' })).toBe(false);
});

test('all problems are told at once, and no value is repeated, since it may be a secret', () => {
  const problems = problemsOf({
    DATABASE_URL: 'mysql://root:hunter2@h/d',
    STRATA_RETRYS: '3',
    STRATA_THREADS: 'many',
    STRATA_RETRY_INTERVAL: 'soon',
    STRATA_WAREHOUSE: 'a/b',
  });
  expect(problems).toHaveLength(5);
  const text = problems.join('\n');
  for (const name of [
    'DATABASE_URL',
    'STRATA_RETRYS',
    'STRATA_THREADS',
    'STRATA_RETRY_INTERVAL',
    'STRATA_WAREHOUSE',
  ])
    expect(text).toContain(name);
  expect(text).not.toContain('hunter2');
});

test('a database URL has to name a database', () => {
  expect(problemsOf({ DATABASE_URL: 'postgres://host' })).toEqual(['DATABASE_URL must name a database']);
});

test('variables of others that share the prefix are theirs', () => {
  expect(problemsOf({ STRATA_SOMETHING_ELSE_ALTOGETHER: 'x' })).toEqual([]);
});

test('the variables that the test suite talks to itself by are no one else’s', () => {
  expect(problemsOf({ STRATA_TEST_ANYTHING: '1' })).toEqual([]);
});

describe('Temporal', () => {
  const profileFile = (text: string): string => {
    const file = join(mkdtempSync(join(tmpdir(), 'strata-config-')), 'temporal.toml');
    writeFileSync(file, text);
    return file;
  };

  test('comes from the profile of a temporal.toml', () => {
    const TEMPORAL_CONFIG_FILE = profileFile(
      '[profile.default]\naddress = "a:1"\n[profile.prod]\naddress = "b:2"\nnamespace = "n"\napi_key = "k3y"\n',
    );
    expect(load({ TEMPORAL_CONFIG_FILE }).temporal.address).toBe('a:1');
    const { temporal } = load({ TEMPORAL_CONFIG_FILE }, { temporalProfile: 'prod' });
    expect(temporal).toMatchObject({ address: 'b:2', namespace: 'n' });
    expect(temporal.connectionOptions).toMatchObject({ apiKey: 'k3y', tls: true });
  });

  test('a profile that is not there is a problem', () => {
    expect(problemsOf({ TEMPORAL_PROFILE: 'nope' }).join()).toMatch(/Temporal's configuration: .*nope/);
  });

  test('keys don’t show, however the configuration is printed', () => {
    const config = load({ TEMPORAL_ADDRESS: 'a:1', TEMPORAL_API_KEY: 'k3y' });
    expect(JSON.stringify(config) + inspect(config, { depth: 9 })).not.toContain('k3y');
    expect(config.temporal.connectionOptions.apiKey).toBe('k3y');
  });
});

describe('who is told', () => {
  test('addresses don’t show, however the configuration is printed', () => {
    const config = load({ STRATA_ALERT_SLACK_URL: 'https://hooks.slack.example/T0/s3cret' });
    expect(JSON.stringify(config) + inspect(config, { depth: 9 })).not.toContain('s3cret');
    expect(config.alerts).toMatchObject({ tries: 3, retryIntervalMs: 60_000, timeoutMs: 10_000 });
    expect(config.alerts.slackUrl).toContain('s3cret');
  });

  test.each([
    ['STRATA_ALERT_WEBHOOK_URL', 'ftp://s3cret', 'must be an http(s) URL'],
    ['STRATA_ALERT_SLACK_URL', 'https://', 'must be an http(s) URL'],
    ['STRATA_ALERT_TIMEOUT', '10m', 'must be 0.01 to 60 seconds'],
    ['STRATA_ALERT_TRIES', '0', 'must be between 1 and 100'],
  ])('%s=%s is a problem that does not repeat the value', (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name} ${problem}`]);
  });

  test('a mail needs a server, a sender and receivers', () => {
    const mail = {
      STRATA_SMTP_URL: 'smtp://u:p@mail.example.com:587',
      STRATA_ALERT_EMAIL_FROM: 'strata <alerts@example.com>',
      STRATA_ALERT_EMAIL_TO: 'a@example.com, b@example.com',
    };
    expect(load(mail).alerts.email?.to).toEqual(['a@example.com', 'b@example.com']);
    expect(problemsOf({ STRATA_SMTP_URL: mail.STRATA_SMTP_URL })).toEqual([
      'STRATA_ALERT_EMAIL_FROM and STRATA_ALERT_EMAIL_TO must be set too: mails need a server, a sender and receivers',
    ]);
    expect(problemsOf({ ...mail, STRATA_ALERT_EMAIL_TO: 'nobody' })).toHaveLength(1);
  });
});

test('every setting is documented once', () => {
  const names = settings.map((setting) => setting.name);
  expect(new Set(names).size).toBe(names.length);
  for (const setting of settings) {
    expect(setting.meaning).toMatch(/\.$/);
    expect(setting.default).not.toBe('');
  }
});

test('every documented variable of strata is accepted, and every accepted one is documented', () => {
  const strata = settings.map((s) => s.name).filter((name) => name.startsWith('STRATA_'));
  const values: Record<string, string> = {
    STRATA_MAX_FIELD_BYTES: '1',
    STRATA_MAX_CONTENT_BYTES: '1',
    STRATA_RETRIES: '1',
    STRATA_THREADS: '1',
    STRATA_INLINE_WORKER: '1',
    STRATA_SET_ROLES: '1',
    STRATA_S3_PATH_STYLE: '1',
    STRATA_RETRY_INTERVAL: '1',
    STRATA_INBOX_SETTLE: '1',
    STRATA_HOST_WAIT: '1',
    STRATA_ALERT_WEBHOOK_URL: 'https://example.com/hook',
    STRATA_ALERT_SLACK_URL: 'https://hooks.slack.example/services/x',
    STRATA_SMTP_URL: 'smtps://u:p@mail.example.com',
    STRATA_ALERT_EMAIL_FROM: 'strata <alerts@example.com>',
    STRATA_ALERT_EMAIL_TO: 'a@example.com, b@example.com',
    STRATA_ALERT_TRIES: '3',
    STRATA_ALERT_RETRY_INTERVAL: '60',
    STRATA_ALERT_TIMEOUT: '10s',
    STRATA_ALERT_REMIND_AFTER: '4h',
    STRATA_ALERT_HEARTBEAT_URL: 'https://example.com/beat',
    STRATA_ALERT_HEARTBEAT_INTERVAL: '1m',
    STRATA_LOG_LEVEL: 'info',
    STRATA_SUSPEND_AFTER: '5',
    STRATA_HISTORY_DAYS: '5',
    STRATA_METRICS_ADDRESS: '127.0.0.1:9464',
    STRATA_DASHBOARD_ADDRESS: '127.0.0.1:8234',
    STRATA_DASHBOARD_TOKEN: 'sixteen-characters-or-more',
    STRATA_TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
    STRATA_LOG_FORMAT: 'json',
  };
  expect(problemsOf(Object.fromEntries(strata.map((name) => [name, values[name] ?? 'x'])))).toEqual([]);
});
