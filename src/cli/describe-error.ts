import { isStrataError } from '../domain/errors';
import { describeError, type ErrorDescription } from '../describe-error';
import { Interrupted } from './interrupt';

export { describeError, type ErrorDescription };

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** `error: CODE: message. Hint` in one line. */
export const errorLine = ({ code, message, hint }: ErrorDescription): string =>
  [
    'error:',
    code === undefined ? '' : `${code}:`,
    hint === undefined ? message : sentence(message),
    hint ?? '',
  ]
    .filter((part) => part !== '')
    .join(' ');

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_INTERRUPTED = 130;

/** 1 something failed, 2 wrong usage, 130 interrupted. */
export const exitCodeOf = (error: unknown): number => {
  if (error instanceof Interrupted) return EXIT_INTERRUPTED;
  return isStrataError(error) && error.code === 'CONFIG_INVALID' ? EXIT_USAGE : EXIT_FAILED;
};
