import { parseLocation } from '../domain/file-location';
import { createS3Access } from '../ingest';
import type { Inbox } from './inbox';
import { createLocalInbox } from './local-inbox';
import { createS3Inbox } from './s3-inbox';

export type { Inbox } from './inbox';

export interface InboxSettings {
  /** An absolute path or `s3://bucket/prefix`. */
  readonly location: string;
  readonly settleMs: number;
  readonly pathStyle?: boolean | undefined;
}

export const createInbox = ({ location, settleMs, pathStyle }: InboxSettings): Inbox => {
  const place = parseLocation(location);
  return place.kind === 's3'
    ? createS3Inbox(location, createS3Access({ pathStyle }), place)
    : createLocalInbox(location, settleMs);
};
