// npm run bench -- --help: strata against hand-tuned SQL on the same server (docs/benchmarks.md). Needs dist/.
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { main } = await jiti.import('../bench/main.ts');
process.exit(await main(process.argv.slice(2)));
