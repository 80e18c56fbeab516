import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod/v4';
import { settings } from '../../../src/settings';
import { NEW_CLUSTER } from '../../../src/stack/postgres-cluster';
import { DYNAMIC_CONFIG } from '../../../src/stack/temporal-server';

const Service = z.object({
  image: z.string(),
  environment: z.record(z.string(), z.string()),
  restart: z.string(),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
});
const Compose = z.object({
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.unknown()),
  configs: z.object({ 'temporal-dynamic-config': z.object({ content: z.string() }) }),
});

const Settings = z.record(z.string(), z.tuple([z.object({ value: z.unknown() })]));

const root = resolve(__dirname, '..', '..', '..');
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
const { services, volumes, configs } = Compose.parse(parse(text, { merge: true }));

const endsByItself = (name: string): boolean => services[name]?.restart.startsWith('on-failure') === true;

describe('docker-compose.yml', () => {
  test('has PostgreSQL, Temporal with its Web UI, a worker and the page', () => {
    const running = Object.keys(services).filter((name) => !endsByItself(name));
    expect(running.sort()).toEqual(['dashboard', 'postgres', 'temporal', 'temporal-ui', 'worker']);
  });

  test('every service that stays has a healthcheck', () => {
    for (const [name, service] of Object.entries(services))
      expect({ name, healthcheck: service.healthcheck !== undefined }).toEqual({
        name,
        healthcheck: !endsByItself(name),
      });
  });

  test('every image is pinned to a version', () => {
    for (const { image } of Object.values(services))
      expect(image).toMatch(/^[\w./-]+:\d+\.\d+(\.\d+)?(-[\w-]+)?$/);
  });

  test('the database is PostgreSQL 18, and its data outlive the container', () => {
    expect(services.postgres?.image).toMatch(/^postgres:18\./);
    expect(services.postgres?.volumes).toEqual(['postgres:/var/lib/postgresql']);
    expect(Object.keys(volumes)).toContain('postgres');
  });

  test('the database is made as the embedded one is', () => {
    expect(services['postgres']?.environment['POSTGRES_INITDB_ARGS']).toBe(NEW_CLUSTER.join(' '));
  });

  test('Temporal has the settings of the embedded server', () => {
    const given = Settings.parse(parse(configs['temporal-dynamic-config'].content));
    for (const [name, value] of Object.entries(DYNAMIC_CONFIG)) expect(given[name]).toEqual([{ value }]);
  });

  test.each(['worker', 'dashboard'])('the %s is given only variables that strata reads', (name) => {
    const known = settings.map((setting) => setting.name) as readonly string[];
    const given = Object.keys(services[name]?.environment ?? {});
    expect(given.filter((variable) => !known.includes(variable))).toEqual([]);
    for (const variable of ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'STRATA_WAREHOUSE'])
      expect(given).toContain(variable);
  });

  test('the worker may read what is uploaded on the page, and both see it under the same path', () => {
    const { STRATA_UPLOAD_DIR: folder = '' } = services.dashboard?.environment ?? {};
    expect(services.worker?.environment.STRATA_FILE_ROOTS?.split(':')).toContain(folder);
    for (const name of ['worker', 'dashboard'])
      expect(services[name]?.volumes).toContain(`uploads:${folder}`);
  });

  test('the worker reaches the services by their names', () => {
    const { DATABASE_URL, TEMPORAL_ADDRESS } = services.worker?.environment ?? {};
    expect(services).toHaveProperty(/@([\w-]+):\d+\//.exec(DATABASE_URL ?? '')?.[1] ?? '');
    expect(services).toHaveProperty(
      /([\w-]+):\d+/.exec((TEMPORAL_ADDRESS ?? '').replace(/.*:-/, ''))?.[1] ?? '',
    );
  });

  test('what a service waits for exists, and says when it is ready', () => {
    for (const { depends_on: needs = {} } of Object.values(services))
      for (const [name, { condition }] of Object.entries(needs))
        expect([name, condition]).toEqual([
          name,
          endsByItself(name) ? 'service_completed_successfully' : 'service_healthy',
        ]);
  });

  test('nothing listens but on this host', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('what can be set from outside is in .env.example, and nothing else is', () => {
    const names = [...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1] as string);
    const example = readFileSync(join(root, '.env.example'), 'utf8');
    const offered = [...example.matchAll(/^#?(\w+)=/gm)].map((match) => match[1] as string);
    expect(offered.sort()).toEqual([...new Set(names)].sort());
  });

  test("it is valid by the Compose specification's schema, and a linter finds nothing to mend", () => {
    expect(lint(join(root, 'docker-compose.yml'))).toEqual([]);
    const broken = join(mkdtempSync(join(tmpdir(), 'strata-compose-')), 'docker-compose.yml');
    writeFileSync(broken, text.replace('healthcheck:', 'health_check:'));
    expect(lint(broken)).toContain('invalid-schema');
  });
});

/** The rules that a compose file breaks, those of mere order and quoting apart, and that of an image with a build. */
const lint = (path: string): string[] => {
  const disabled = [
    'services-alphabetical-order',
    'service-keys-order',
    'top-level-properties-order',
    'no-quotes-in-volumes',
    // The tag that what is built gets, so that --scale and the next service use the same image.
    'no-build-and-image',
  ];
  const program = join(dirname(require.resolve('dclint/package.json')), 'bin', 'dclint.cjs');
  const args = [path, '--formatter', 'json', ...disabled.flatMap((rule) => ['--disable-rule', rule])];
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  if (!stdout.startsWith('[')) throw new Error(`dclint: ${stdout}${stderr}`);
  const files = z.array(z.object({ messages: z.array(z.object({ rule: z.string() })) }));
  return files.parse(JSON.parse(stdout)).flatMap(({ messages }) => messages.map(({ rule }) => rule));
};
