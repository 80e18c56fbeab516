// The workflow types, by their names on the wire (wire/names.ts, WORKFLOW): NEVER RENAME one.
export { alert } from './alert';
export { archivePartitions } from './archive-partitions';
export { freshness } from './freshness';
export { inbox } from './inbox';
export { ingest } from './ingest';
export { maintenance } from './maintenance';
export { pipeline } from './pipeline';
export { replayDeadLetters } from './replay-dead-letters';
export { scheduledRun } from './scheduled-run';
export { transform } from './transform';
export { verify } from './verify';
