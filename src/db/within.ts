import { StrataError } from '../domain/errors';

/** What `work` comes to, if it does so in time. @throws DATABASE_UNREACHABLE */
export const within = async <T>(limitMs: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StrataError('DATABASE_UNREACHABLE', 'PostgreSQL does not answer'));
    }, limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
};
