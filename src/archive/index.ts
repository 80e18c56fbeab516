export { archiveStep } from './archive-partition';
export type { ArchiveDeps } from './archive-store';
export { pruneArchives } from './prune-archives';
export { restorePartitions } from './restore-partition';
