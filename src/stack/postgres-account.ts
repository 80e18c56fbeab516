import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StrataError } from '../domain/errors';
import { copyBinaries } from './postgres-binaries';
import type { ServerCommand } from './server-process';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** How the programs of PostgreSQL are run here, and where the data lie. */
export interface PostgresRuntime {
  readonly nativeDir: string;
  readonly dataRoot: string;
  /** Set where the programs run under another account than this process: files for them must be given to it. */
  readonly account?: Account;
  readonly command: (program: 'initdb' | 'postgres', args: readonly string[]) => ServerCommand;
}

type Wrap = (file: string, args: readonly string[]) => ServerCommand;

const NOBODY: Account = { uid: 65_534, gid: 65_534 };
const PROBE_TIMEOUT_MS = 10_000;
const ELSEWHERE = '/var/lib/strata';

/** The account `name` of a passwd file. */
export const accountOf = (passwd: string, name: string): Account | undefined => {
  const fields = passwd
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 ? { uid, gid } : undefined;
};

/** The owner of the data that exist, so that a change of accounts never locks them away; else one without rights. */
const chooseAccount = (dataRoot: string): Account => {
  const data = join(dataRoot, 'data');
  if (existsSync(data)) {
    const { uid, gid } = statSync(data);
    if (uid !== 0) return { uid, gid };
  }
  const passwd = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '';
  return accountOf(passwd, 'postgres') ?? accountOf(passwd, 'nobody') ?? NOBODY;
};

const asAccount =
  (account: Account): Wrap =>
  (file, args) => ({ file, args, ...account });

/**
 * The account, with one capability more: to pass folders that only root may enter, such as /root. Without
 * `no_setuid_fixup` access(2), by which PostgreSQL looks for its own programs, would leave the capability out.
 */
const asAccountWith =
  ({ uid, gid }: Account, capability: string): Wrap =>
  (file, args) => ({
    file: 'setpriv',
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--securebits=+no_setuid_fixup',
      `--inh-caps=-all,+${capability}`,
      `--ambient-caps=+${capability}`,
      file,
      ...args,
    ],
  });

/** Whether under `wrap` the data's folder can be entered and the programs find each other. */
const works = (wrap: Wrap, nativeDir: string, dataRoot: string): boolean => {
  const script = 'cd "$1" && exec "$2" --show -D "$1/probe"';
  const { file, args, ...who } = wrap('/bin/sh', [
    '-c',
    script,
    'sh',
    dataRoot,
    join(nativeDir, 'bin', 'initdb'),
  ]);
  const options = { ...who, cwd: '/', stdio: 'ignore', timeout: PROBE_TIMEOUT_MS } as const;
  return spawnSync(file, args, options).status === 0;
};

const prepareFolder = (dir: string, account: Account): void => {
  mkdirSync(dir, { recursive: true });
  chownSync(dir, account.uid, account.gid);
};

const runtime = (wrap: Wrap, nativeDir: string, dataRoot: string, account?: Account): PostgresRuntime => ({
  nativeDir,
  dataRoot,
  ...(account && { account }),
  command: (program, args) => ({ ...wrap(join(nativeDir, 'bin', program), args), cwd: dataRoot }),
});

/** Programs and data in a folder that every account can reach, named for this home and its password. */
const elsewhere = (nativeDir: string, account: Account, name: string): PostgresRuntime | undefined => {
  const dataRoot = join(ELSEWHERE, name);
  try {
    prepareFolder(dataRoot, account);
    const copy = copyBinaries(nativeDir, join(dataRoot, 'native'));
    spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, copy], { stdio: 'ignore' });
    const wrap = asAccount(account);
    return works(wrap, copy, dataRoot) ? runtime(wrap, copy, dataRoot, account) : undefined;
  } catch {
    return undefined;
  }
};

export interface RuntimeOptions {
  readonly nativeDir: string;
  readonly dataRoot: string;
  readonly marker: string;
  readonly password: string;
  /** The capabilities to try, the lesser one first. */
  readonly capabilities?: readonly string[];
}

/**
 * PostgreSQL refuses to run as root: root runs it under an account without rights, which must reach the programs and
 * the data, wherever the checkout lies. Anybody else runs it as himself. @throws STACK_FAILED when no way works.
 */
export const postgresRuntime = (options: RuntimeOptions): PostgresRuntime => {
  const { nativeDir, dataRoot, marker, password } = options;
  if (process.getuid?.() !== 0) {
    mkdirSync(dataRoot, { recursive: true });
    return runtime((file, args) => ({ file, args }), nativeDir, dataRoot);
  }
  const account = chooseAccount(dataRoot);
  prepareFolder(dataRoot, account);
  const capabilities = options.capabilities ?? ['dac_read_search', 'dac_override'];
  const wraps = [asAccount(account), ...capabilities.map((name) => asAccountWith(account, name))];
  const wrap = wraps.find((candidate) => works(candidate, nativeDir, dataRoot));
  if (wrap) return runtime(wrap, nativeDir, dataRoot, account);
  const digest = createHash('sha256').update(password).digest('hex').slice(0, 8);
  const found = elsewhere(nativeDir, account, `${marker}-${digest}`);
  if (found) return found;
  throw new StrataError(
    'STACK_FAILED',
    `PostgreSQL does not run as root, and user ${account.uid} can reach neither ${nativeDir} nor ${ELSEWHERE}`,
  );
};
