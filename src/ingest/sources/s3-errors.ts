import { StrataError } from '../../domain/errors';
import { connectionProblem, unreachable } from './steady-blocks';

interface S3Failure {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const DENIED = new Set([
  'AccessDenied',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
]);
const GONE = new Set(['NotFound', 'NoSuchKey', 'NoSuchBucket']);

/**
 * What an error of the SDK means for `file`. Its own text stays in the cause: it may quote requests. Anything that is
 * not about the object or the credentials is a matter of waiting.
 */
export const asS3Error = (file: string, error: unknown): Error => {
  if (error instanceof StrataError) return error;
  const { name = 'Error', $metadata } = error as S3Failure;
  const status = $metadata?.httpStatusCode;
  if (GONE.has(name) || status === 404)
    return new StrataError('FILE_NOT_FOUND', `${file} does not exist`, { cause: error });
  if (status === 412 || status === 416)
    return new StrataError('FILE_CHANGED', `${file} changed while it was being read`, { cause: error });
  if (DENIED.has(name) || status === 401 || status === 403)
    return new StrataError('SOURCE_DENIED', `${file} is refused to the worker (${name})`, { cause: error });
  const what = status === undefined ? connectionProblem(error) : `${name}, status ${status}`;
  return unreachable(file, what, error);
};
