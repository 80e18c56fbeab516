import type { Readable } from 'node:stream';
import { StrataError } from '../../domain/errors';
import { baseNameOf } from '../../domain/file-location';
import type { OpenFile } from '../open-file';
import type { S3Access } from './s3-client';
import { asS3Error } from './s3-errors';
import { steadyBlocks } from './steady-blocks';

export interface S3Object {
  /** As the user named it. */
  readonly file: string;
  readonly bucket: string;
  readonly key: string;
}

interface ObjectState {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** @throws FILE_NOT_FOUND, SOURCE_DENIED, SOURCE_UNREACHABLE */
export const headObject = async (
  { sdk, client }: S3Access,
  { file, bucket, key }: S3Object,
): Promise<ObjectState> => {
  try {
    const { HeadObjectCommand } = await sdk();
    const head = await (await client()).send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return { etag: head.ETag ?? '', sizeBytes: head.ContentLength ?? 0 };
  } catch (error) {
    throw asS3Error(file, error);
  }
};

/** The object's bytes of `[from, to)`, if it is still the one that `etag` names. @throws FILE_CHANGED, as `headObject` */
const getRange = async (
  { sdk, client }: S3Access,
  { file, bucket, key }: S3Object,
  range: { readonly from: number; readonly to: number; readonly etag: string },
): Promise<Readable> => {
  try {
    const { GetObjectCommand } = await sdk();
    const got = await (
      await client()
    ).send(
      new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        IfMatch: range.etag,
        Range: `bytes=${range.from}-${range.to - 1}`,
      }),
    );
    const body = got.Body as Readable;
    // A server that doesn't know the condition says at least what it sends.
    if (got.ETag === range.etag) return body;
    body.destroy();
    throw new StrataError('FILE_CHANGED', `${file} changed while it was being read`);
  } catch (error) {
    throw asS3Error(file, error);
  }
};

const identityOf = ({ etag, sizeBytes }: ObjectState): string => `s3:${etag}:${sizeBytes}`;

/** Opens an object for reading. @throws FILE_NOT_FOUND, FILE_EMPTY, SOURCE_DENIED, SOURCE_UNREACHABLE */
export const openS3File = async (access: S3Access, object: S3Object): Promise<OpenFile> => {
  const { file } = object;
  const state = await headObject(access, object);
  const { etag, sizeBytes } = state;
  if (sizeBytes === 0) throw new StrataError('FILE_EMPTY', `${file} is empty`);
  return {
    file,
    name: baseNameOf(object.key),
    sizeBytes,
    identity: identityOf(state),
    blocks: (from, to = sizeBytes) =>
      steadyBlocks(file, { from, to: Math.min(to, sizeBytes) }, (start, end) =>
        getRange(access, object, { from: start, to: end, etag }),
      ),
    identityNow: async () => identityOf(await headObject(access, object)),
    close: () => Promise.resolve(),
  };
};
