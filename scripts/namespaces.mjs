// Two workers in network namespaces, one of them cut off in mid-run: test/chaos/namespaces.ts. Needs root and iproute2.
import { createJiti } from 'jiti';

const jiti = createJiti(import.meta.url);
const { runNamespaces } = await jiti.import('../test/chaos/namespaces.ts');
await runNamespaces();
process.exit(0);
