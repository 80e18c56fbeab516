import { main, createProgram } from '../../../src/cli/main';

/** Runs a command line in this process and catches what it writes. */
const run = async (args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
  const written = { stdout: '', stderr: '' };
  const out = jest
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => !!(written.stdout += String(text)));
  const err = jest
    .spyOn(process.stderr, 'write')
    .mockImplementation((text) => !!(written.stderr += String(text)));
  try {
    return { code: await main(args), ...written };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
};

const COMMANDS =
  'alerts ingest inbox run test verify ls compile status dev demo dashboard worker migrate temporal dlq resume source schedule partitions'.split(
    ' ',
  );

describe('the command line', () => {
  test('has every command of the contract, each with a description', () => {
    const commands = createProgram(() => undefined).commands;
    expect(commands.map((c) => c.name()).sort()).toEqual([...COMMANDS].sort());
    expect(commands.filter((c) => c.description() === '')).toEqual([]);
  });

  test.each([['--help'], ['ingest', '--help'], ['--version']])(
    'answers %s %s with exit code 0',
    async (...args) => {
      const { code, stdout } = await run(args);
      expect(code).toBe(0);
      expect(stdout).not.toBe('');
    },
  );

  test.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown flag', ['run', '--frobnicate']],
    ['a missing argument', ['ingest', 'transactions']],
    ['a number that is none', ['run', '--threads', 'many']],
    ['vars that are no mapping', ['run', '--vars', '[1']],
    ['a complete file of no time', ['ingest', 'd', 'a.csv', '--complete']],
    ['a time without a complete file', ['ingest', 'd', 'a.csv', '--as-of', '2024-01-01']],
    ['a limit without a complete file', ['ingest', 'd', 'a.csv', '--max-deletes', '1']],
    ['several complete files', ['ingest', 'd', 'a.csv', 'b.csv', '--complete', '--as-of', '2024-01-01']],
    ['a time that is none', ['ingest', 'd', 'a.csv', '--complete', '--as-of', '2024-02-30']],
    [
      'a share beyond 1',
      ['ingest', 'd', 'a.csv', '--complete', '--as-of', '2024-01-01', '--max-deletes', '2'],
    ],
    ['a mute without an end', ['alerts', 'mute', 'freshness']],
    ['a mute with two ends', ['alerts', 'mute', 'a', '--for', '1h', '--until', '2999-01-01']],
    ['a mute of a span that is none', ['alerts', 'mute', 'a', '--for', '1 fortnight']],
    ['a mute until the past', ['alerts', 'mute', 'a', '--until', '2001-01-01']],
    ['an incident that is no number', ['alerts', 'ack', 'x']],
    ['a channel that there is not', ['alerts', 'test', '--channel', 'pigeon']],
    ['letters to discard without a reason', ['dlq', 'discard', '1']],
    ['letters to discard that are not named', ['dlq', 'discard', '--reason', 'x']],
    ['letters to replay that are not named', ['dlq', 'replay']],
    ['letters that are named twice over', ['dlq', 'replay', '--all', '--with', 'f.csv']],
    ['an id that is none', ['dlq', 'show', 'x']],
    ['a moment that is none', ['dlq', 'list', '--since', 'yesterday']],
    ['a choice that there is not', ['ls', '--resource-type', 'table']],
  ])('answers %s with one line and exit code 2', async (_what, args) => {
    const { code, stdout, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
  });

  test('answers a wrong variable with every problem in one line and exit code 2', async () => {
    process.env.STRATA_THREADS = 'many';
    try {
      const { code, stderr } = await run(['ls']);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error: CONFIG_INVALID: .*STRATA_THREADS[^\n]*\n$/);
    } finally {
      delete process.env.STRATA_THREADS;
    }
  });
});
