/** In place of the 15 s of src/workflows/activity-options.ts: a round then takes seconds. */
export const HEARTBEAT_TIMEOUT_MS = 5_000;
/** A worker that was frozen for so long has been given up by Temporal: its work is another one's. */
export const FREEZE_MS = HEARTBEAT_TIMEOUT_MS + 2_500;
/** Small chunks: a file of some hundred KB has several. */
export const CHUNK_BYTES = 48 * 1024;
/** In place of the 20 s of src/db/answer-watch.ts. */
export const LOOK_EVERY_MS = 1_000;
/** In place of the minute in which the server drops a dead client by TCP keepalive. */
export const SERVER_GIVES_UP_MS = 5_000;
/** Between heartbeats to the outside monitor. */
export const PING_INTERVAL = '3s';
/** A pipeline that isn't quiet after this is stuck: it would need somebody. */
export const STUCK_MS = 150_000;
/** How long statements or locks run into their time-outs; less than the tries of a node last. */
export const TIMEOUTS_MS = 2_500;
/** Pause before a node that failed is tried again; 60 s by default. */
export const RETRY_INTERVAL = '2s';
