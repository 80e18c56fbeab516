import { StrataError } from '../../domain/errors';
import { asPrefix, type FileLocation, parseLocation } from '../../domain/file-location';
import { checkFile, isWithinRoots, type OpenFile, openFile } from '../open-file';
import { createS3Access, type S3Access, type S3Settings } from './s3-client';
import { headObject, openS3File } from './s3-file';
import { headUrl, openWebFile } from './web-file';

export interface FileSourcesOptions extends S3Settings {
  /** Folders and `s3://bucket/prefix` that files may be read from; unset, any. */
  readonly fileRoots?: readonly string[] | undefined;
  /** `host` or `host:port` that files may be fetched from; unset, none. */
  readonly urlHosts?: readonly string[] | undefined;
  /** Default: a client of its own. */
  readonly s3?: S3Access | undefined;
}

/** Where a worker gets files from, and what it may not touch. `within` narrows that to one folder or prefix. */
export interface FileSources {
  /** @throws FILE_NOT_FOUND, FILE_UNREADABLE, FILE_NOT_ALLOWED, INPUT_INVALID, SOURCE_DENIED, SOURCE_UNREACHABLE */
  check(file: string, within?: string): Promise<void>;
  /** Opens it for reading; the caller closes it. @throws as `check`, FILE_EMPTY, FILE_CHANGED */
  open(file: string, within?: string): Promise<OpenFile>;
}

/** Whether an object, or a prefix, lies under a root. */
const isUnder = (root: string, { bucket, key }: { bucket: string; key: string }): boolean => {
  const place = parseLocation(root);
  return (
    place.kind === 's3' &&
    bucket === place.bucket &&
    (key.startsWith(asPrefix(place.key)) || asPrefix(key) === asPrefix(place.key))
  );
};

const isPath = (root: string): boolean => parseLocation(root).kind === 'path';

/** @throws INPUT_INVALID without repeating the address, FILE_NOT_ALLOWED */
const checkUrl = (text: string, urlHosts: readonly string[]): void => {
  if (!URL.canParse(text)) throw new StrataError('INPUT_INVALID', 'The URL of the file is not valid');
  const { host, hostname, port, search, username, password } = new URL(text);
  if (`${search}${username}${password}` !== '')
    throw new StrataError('INPUT_INVALID', 'A URL is taken without user, password and query string');
  if (!urlHosts.includes(host) && !(port === '' && urlHosts.includes(hostname)))
    throw new StrataError('FILE_NOT_ALLOWED', `${text}: its host is not one of STRATA_URL_HOSTS`);
};

/** The roots that are in force: the worker's own, or a folder within one of them. @throws FILE_NOT_ALLOWED */
const rootsInForce = async (
  { fileRoots }: FileSourcesOptions,
  within: string | undefined,
): Promise<readonly string[] | undefined> => {
  if (within === undefined) return fileRoots;
  const place = parseLocation(within);
  if (fileRoots === undefined || (place.kind === 's3' && fileRoots.some((root) => isUnder(root, place))))
    return [within];
  if (place.kind === 'path' && (await isWithinRoots(within, fileRoots.filter(isPath)))) return [within];
  throw new StrataError('FILE_NOT_ALLOWED', `${within} is outside the folders that may be read`);
};

const checkAllowed = (
  file: string,
  location: Exclude<FileLocation, { kind: 'path' }>,
  { urlHosts = [] }: FileSourcesOptions,
  roots: readonly string[] | undefined,
): void => {
  if (location.kind === 'url') {
    checkUrl(location.url, urlHosts);
    return;
  }
  if (location.key === '' || location.key.endsWith('/'))
    throw new StrataError('FILE_UNREADABLE', `${file} is a folder`);
  if (roots !== undefined && !roots.some((root) => isUnder(root, location)))
    throw new StrataError('FILE_NOT_ALLOWED', `${file} is outside the folders that may be read`);
};

export const createFileSources = (options: FileSourcesOptions = {}): FileSources => {
  const s3 = options.s3 ?? createS3Access(options);
  return {
    check: async (file, within) => {
      const location = parseLocation(file);
      const roots = await rootsInForce(options, within);
      if (location.kind === 'path') return void (await checkFile(file, roots?.filter(isPath)));
      checkAllowed(file, location, options, roots);
      if (location.kind === 's3') await headObject(s3, { file, ...location });
      else await headUrl(file);
    },
    open: async (file, within) => {
      const location = parseLocation(file);
      const roots = await rootsInForce(options, within);
      if (location.kind === 'path') return openFile(file, roots?.filter(isPath));
      checkAllowed(file, location, options, roots);
      return location.kind === 's3' ? openS3File(s3, { file, ...location }) : openWebFile(file);
    },
  };
};
