// npm run chaos -- --faults N --seed S --json FILE: faults against the whole pipeline (test/chaos; CONTRIBUTING.md).
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { main } = await jiti.import('../test/chaos/main.ts');
process.exit(await main(process.argv.slice(2)));
