/** Where a file lies: a path on the worker's host, an object of S3, or what a web server gives out. */
export type FileLocation =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string }
  | { readonly kind: 'url'; readonly url: string };

const S3 = /^s3:\/\/([^/]+)(?:\/(.*))?$/is;
const WEB = /^https?:\/\//i;

/** Any text is a location: what has the form of neither an S3 nor a web address is a path. */
export const parseLocation = (file: string): FileLocation => {
  const [, bucket, key = ''] = S3.exec(file) ?? [];
  if (bucket !== undefined) return { kind: 's3', bucket, key };
  return WEB.test(file) ? { kind: 'url', url: file } : { kind: 'path', path: file };
};

/** Not a path of some host: every worker reaches it, if any does. */
export const isRemote = (file: string): boolean => parseLocation(file).kind !== 'path';

/** A key of S3 as a prefix: empty, or ended by a slash. */
export const asPrefix = (key: string): string => (key === '' || key.endsWith('/') ? key : `${key}/`);

/** What comes after the last slash. */
export const baseNameOf = (file: string): string => file.slice(file.lastIndexOf('/') + 1);
