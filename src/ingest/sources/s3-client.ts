import type { S3Client } from '@aws-sdk/client-s3';

export interface S3Settings {
  /** `https://host/bucket/key` instead of `https://bucket.host/key`. */
  readonly pathStyle?: boolean | undefined;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** The SDK, loaded by the first one who needs it, and one client for all. */
export interface S3Access {
  readonly sdk: () => Promise<Sdk>;
  readonly client: () => Promise<S3Client>;
}

const CONNECTION_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Credentials, region and endpoint are those of the SDK's own variables and files. */
export const createS3Access = ({ pathStyle = false }: S3Settings): S3Access => {
  let client: S3Client | undefined;
  const sdk = (): Promise<Sdk> => import('@aws-sdk/client-s3');
  return {
    sdk,
    client: async () => {
      const { S3Client } = await sdk();
      client ??= new S3Client({
        forcePathStyle: pathStyle,
        followRegionRedirects: true,
        // Other servers than Amazon's don't know the newer checksums.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
      });
      return client;
    },
  };
};
