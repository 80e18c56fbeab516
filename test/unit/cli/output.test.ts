import { createOutput } from '../../../src/cli/output';
import { tableLines } from '../../../src/cli/table';

const createStreams = (isTTY: boolean) => {
  const written = { stdout: '', stderr: '' };
  return {
    written,
    streams: {
      stdout: { write: (text: string) => (written.stdout += text), isTTY },
      stderr: { write: (text: string) => (written.stderr += text), isTTY, columns: 20 },
    },
  };
};

describe('the output of a command', () => {
  test('puts lines on stdout and the document nowhere without --json', () => {
    const { written, streams } = createStreams(false);
    const output = createOutput({ json: false }, streams);
    output.line('loaded');
    output.document({ a: 1 });
    expect(written).toEqual({ stdout: 'loaded\n', stderr: '' });
  });

  test('leaves stdout to the one document with --json', () => {
    const { written, streams } = createStreams(false);
    const output = createOutput({ json: true }, streams);
    output.line('loaded');
    output.document({ a: 1 });
    expect(JSON.parse(written.stdout)).toEqual({ a: 1 });
    expect(written.stderr).toBe('loaded\n');
  });

  test('shows progress only on a terminal, in one line that gives way', () => {
    const silent = createStreams(false);
    createOutput({ json: false }, silent.streams).progress('loading');
    expect(silent.written.stderr).toBe('');

    const { written, streams } = createStreams(true);
    const output = createOutput({ json: false }, streams);
    output.progress('a text that is longer than the terminal');
    output.line('done');
    expect(written.stderr).toBe('a text that is long\r\u001b[2K');
    expect(written.stdout).toBe('done\n');
  });
});

test('a table sets text to the left and numbers to the right', () => {
  expect(
    tableLines(
      ['dataset', 'rows'],
      [
        ['customers', 5],
        ['spend', '1200'],
        ['x', null],
      ],
    ),
  ).toEqual(['dataset    rows', '---------  ----', 'customers     5', 'spend      1200', 'x']);
});
