/** In place of the 15 s of src/workflows/activity-options.ts: a round then takes seconds. */
export const HEARTBEAT_TIMEOUT_MS = 5_000;
/** A worker that was frozen for so long has been given up by Temporal: its work is another one's. */
export const FREEZE_MS = HEARTBEAT_TIMEOUT_MS + 2_500;
/** Small chunks: a file of some hundred KB has several. */
export const CHUNK_BYTES = 48 * 1024;
/** A pipeline that isn't quiet after this is stuck: it would need somebody. */
export const STUCK_MS = 150_000;
/** How long statements or locks run into their time-outs; less than the tries of a node last. */
export const TIMEOUTS_MS = 2_500;
/** Pause before a node that failed is tried again; 60 s by default. */
export const RETRY_INTERVAL = '2s';
