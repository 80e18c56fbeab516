export { acceptBatch, type AcceptBatchDeps } from './accept-batch';
export { batchConditions } from './batch-conditions';
export { failBatch, type FailBatchInput } from './fail-batch';
export type { FileProgress } from './file-progress';
export { loadFile, type LoadFileDeps, type LoadFileRequest } from './load-file';
export { loadReplay } from './load-replay';
export { publishBatch, type PublishBatchDeps } from './publish-batch';
export { failReplay, publishReplay } from './publish-replay';
export { type FileValidation, type RowError, validateFile } from './validate-file';
