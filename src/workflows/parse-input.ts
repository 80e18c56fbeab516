import { ApplicationFailure } from '@temporalio/workflow';
import type { z } from 'zod/v4';
import type { ErrorCode } from '../domain/errors';
import './zod-messages';

const problemsOf = (error: z.core.$ZodError): string =>
  error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': ')).join('; ');

/** A failure of the catalogue that ends a workflow, an update or a signal. */
export const catalogueFailure = (
  code: ErrorCode,
  message: string,
  details: unknown[] = [],
): ApplicationFailure => ApplicationFailure.create({ type: code, message, nonRetryable: true, details });

/**
 * What arrives from a shell is anything. `name` says in the message what was meant.
 * @throws INPUT_INVALID, not retryable, with every problem
 */
export const parseInput = <T>(schema: z.ZodType<T>, input: unknown, name: string): T => {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw catalogueFailure('INPUT_INVALID', `${name}: ${problemsOf(result.error)}`);
};
