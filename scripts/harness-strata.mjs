// strata as one more tool of the harness that measures dbt and SQLMesh (docs/benchmarks.md):
//   node scripts/harness-strata.mjs DATA --batches N
// DATA is a folder that the harness has generated. Loaded by a worker on the embedded servers; prints a line of JSON for
// each figure, in the form of the harness's results. Needs dist/ (npm run build).
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { main } = await jiti.import('../bench/harness.ts');
process.exit(await main(process.argv.slice(2)));
