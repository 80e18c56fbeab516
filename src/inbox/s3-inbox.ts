import type { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { StrataError } from '../domain/errors';
import { asPrefix, baseNameOf } from '../domain/file-location';
import { inboxNameKind, reportName } from '../domain/inbox-names';
import { asS3Error, type S3Access } from '../ingest';
import { type Inbox, type InboxEntry, type SettledFolder, type SettleRequest, takeName } from './inbox';

/** What S3 copies in one request; a larger object could be loaded, but not moved. */
const MAX_COPY_BYTES = 5 * 1024 ** 3;

const identityOf = (etag: string | undefined, size: number | undefined): string =>
  `${etag ?? ''}:${size ?? 0}`;

const isStatus = (error: unknown, ...statuses: number[]): boolean =>
  statuses.includes((error as Partial<S3ServiceException>).$metadata?.httpStatusCode ?? 0);

type Sdk = Awaited<ReturnType<S3Access['sdk']>>;

/** Objects appear whole: what is listed is ready. */
class S3Inbox implements Inbox {
  readonly isLocal = false;

  constructor(
    readonly location: string,
    private readonly access: S3Access,
    private readonly bucket: string,
    /** Empty, or ended by a slash. */
    private readonly prefix: string,
  ) {}

  async list(): Promise<{ ready: InboxEntry[]; waiting: number }> {
    const found: (InboxEntry & { readonly modifiedMs: number })[] = [];
    let waiting = 0;
    let token: string | undefined;
    do {
      const page = await this.call(this.location, ({ ListObjectsV2Command }, client) =>
        client.send(
          new ListObjectsV2Command({
            Bucket: this.bucket,
            Prefix: this.prefix,
            Delimiter: '/',
            ContinuationToken: token,
          }),
        ),
      );
      for (const { Key = '', ETag, Size, LastModified } of page.Contents ?? []) {
        const name = baseNameOf(Key);
        const kind = name === '' ? 'other' : inboxNameKind(name);
        if (kind === 'unfinished' || (kind === 'csv' && (Size ?? 0) > MAX_COPY_BYTES)) waiting += 1;
        else if (kind === 'csv')
          found.push({
            name,
            file: `s3://${this.bucket}/${Key}`,
            identity: identityOf(ETag, Size),
            modifiedMs: LastModified?.getTime() ?? 0,
          });
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
    found.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.name < b.name ? -1 : 1));
    return { ready: found.map(({ modifiedMs: _, ...entry }) => entry), waiting };
  }

  async settle(request: SettleRequest): Promise<string | undefined> {
    const { entry, folder } = request;
    const source = `${this.prefix}${entry.name}`;
    if (!(await this.isStill(source, entry))) return undefined;
    const name = await takeName(this.settledFolder(folder), request);
    const target = `${this.prefix}${folder}/${name}`;
    const [etag] = entry.identity.split(/:(?=\d+$)/);
    try {
      await this.call(entry.file, ({ CopyObjectCommand }, client) =>
        client.send(
          new CopyObjectCommand({
            Bucket: this.bucket,
            Key: target,
            CopySource: [this.bucket, ...source.split('/')].map(encodeURIComponent).join('/'),
            CopySourceIfMatch: etag,
          }),
        ),
      );
    } catch (error) {
      if (error instanceof StrataError && error.code === 'FILE_CHANGED') return undefined;
      throw error;
    }
    if (await this.isStill(source, entry))
      await this.call(entry.file, ({ DeleteObjectCommand }, client) =>
        client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: source })),
      );
    return `s3://${this.bucket}/${target}`;
  }

  /** Whether the very object is there that the entry tells of. */
  private async isStill(key: string, entry: InboxEntry): Promise<boolean> {
    const head = await this.head(key);
    return head !== undefined && identityOf(head.ETag, head.ContentLength) === entry.identity;
  }

  private head(
    key: string,
  ): Promise<{ ETag?: string | undefined; ContentLength?: number | undefined } | undefined> {
    return this.unlessMissing(`s3://${this.bucket}/${key}`, ({ HeadObjectCommand }, client) =>
      client.send(new HeadObjectCommand({ Bucket: this.bucket, Key: key })),
    );
  }

  private settledFolder(folder: string): SettledFolder {
    const at = (name: string): string => `${this.prefix}${folder}/${name}`;
    return {
      readReport: (name) =>
        this.unlessMissing(this.location, async ({ GetObjectCommand }, client) => {
          const got = await client.send(
            new GetObjectCommand({ Bucket: this.bucket, Key: at(reportName(name)) }),
          );
          return (await got.Body?.transformToString()) ?? '';
        }),
      exists: async (name) => (await this.head(at(name))) !== undefined,
      createReport: async (name, text) => {
        const put = { Bucket: this.bucket, Key: at(reportName(name)), Body: text, IfNoneMatch: '*' };
        return this.call(this.location, ({ PutObjectCommand }, client) =>
          client
            .send(new PutObjectCommand({ ...put, ContentType: 'application/json' }))
            .then(() => true)
            .catch((error: unknown) => {
              if (isStatus(error, 409, 412)) return false;
              throw error;
            }),
        );
      },
    };
  }

  private async unlessMissing<T>(
    what: string,
    work: (sdk: Sdk, client: S3Client) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.call(what, work);
    } catch (error) {
      if (error instanceof StrataError && error.code === 'FILE_NOT_FOUND') return undefined;
      throw error;
    }
  }

  private async call<T>(what: string, work: (sdk: Sdk, client: S3Client) => Promise<T>): Promise<T> {
    try {
      return await work(await this.access.sdk(), await this.access.client());
    } catch (error) {
      throw asS3Error(what, error);
    }
  }
}

/** The objects right under `s3://bucket/prefix/`. */
export const createS3Inbox = (
  location: string,
  access: S3Access,
  { bucket, key }: { readonly bucket: string; readonly key: string },
): Inbox => new S3Inbox(location, access, bucket, asPrefix(key));
