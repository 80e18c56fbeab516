export { type ArchiveDeps, archiveStep } from './archive-partition';
export { restorePartitions } from './restore-partition';
