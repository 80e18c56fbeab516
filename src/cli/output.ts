import { printable } from '../domain/printable';

/** Where a command writes. With `json`, stdout belongs to the one document and everything else goes to stderr. */
export interface Output {
  readonly json: boolean;
  readonly isTerminal: boolean;
  /** A line of the result. */
  line(text: string): void;
  /** Something to know beside the result: stderr. */
  note(text: string): void;
  /** Shows what goes on: one line that replaces itself on a terminal, nothing elsewhere. '' clears it. */
  progress(text: string): void;
  /** The document of `--json`; nothing without it. */
  document(value: unknown): void;
}

export interface OutputStreams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly stderr: {
    write(text: string): unknown;
    readonly isTTY?: boolean | undefined;
    readonly columns?: number | undefined;
  };
}

const CLEAR_LINE = '\r\u001b[2K';

export const createOutput = (options: { json: boolean }, streams: OutputStreams = process): Output => {
  const { stdout, stderr } = streams;
  const isTerminal = stderr.isTTY === true;
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  const write = (stream: { write(text: string): unknown }, text: string): void => {
    clear();
    stream.write(`${printable(text)}\n`);
  };
  return {
    json: options.json,
    isTerminal,
    line: (text) => {
      write(options.json ? stderr : stdout, text);
    },
    note: (text) => {
      write(stderr, text);
    },
    progress: (text) => {
      if (!isTerminal) return;
      clear();
      if (text === '') return;
      stderr.write(printable(text).slice(0, (stderr.columns ?? 80) - 1));
      shown = true;
    },
    document: (value) => {
      if (options.json) write(stdout, JSON.stringify(value, null, 2));
    },
  };
};
