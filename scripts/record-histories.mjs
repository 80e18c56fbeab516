// Records the histories that test/replay replays: node scripts/record-histories.mjs [SCENARIO...]
// Run it before a release, and keep the old files: they stand for executions that are still open somewhere.
// Needs a Temporal dev server at STRATA_TEST_TEMPORAL_ADDRESS, for example one of `strata dev`.
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { recordHistories } = await jiti.import('../test/replay/record.ts');
const files = await recordHistories(process.argv.slice(2));
process.stdout.write(files.map((file) => `${file}\n`).join(''));
process.exit(0);
