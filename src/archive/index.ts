export { archiveStep } from './archive-partition';
export type { ArchiveDeps } from './archive-store';
export { restorePartitions } from './restore-partition';
