// Writes a transactions file of about BYTES, the same each time:  node bench/generate-transactions.mjs BYTES FILE
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const [bytes, file] = [Number(process.argv[2]), process.argv[3]];
if (!(bytes > 0) || file === undefined) {
  process.stderr.write('usage: node bench/generate-transactions.mjs BYTES FILE\n');
  process.exit(2);
}

const START_SECONDS = Date.UTC(2023, 0, 1) / 1000;
const THREE_YEARS_SECONDS = 3 * 365 * 86_400;
const CUSTOMERS = 50_000;
const ROWS_A_BLOCK = 10_000;

const row = (n) => {
  // Multiplied by primes: neighbours are days and customers apart.
  const at = new Date((START_SECONDS + ((n * 7919) % THREE_YEARS_SECONDS)) * 1000);
  const customer = String((n * 31) % CUSTOMERS).padStart(6, '0');
  const cents = String(n % 100).padStart(2, '0');
  const when = at.toISOString().replace('.000', '');
  return `T${String(n).padStart(9, '0')},C${customer},${when},${n % 900}.${cents},subscription,completed\n`;
};

const out = createWriteStream(file);
out.write('transaction_id,customer_id,transaction_date,amount,transaction_type,status\n');
let written = 0;
for (let n = 1; written < bytes;) {
  const rows = [];
  for (let i = 0; i < ROWS_A_BLOCK; i++) rows.push(row(n++));
  const block = rows.join('');
  written += block.length;
  if (!out.write(block)) await once(out, 'drain');
}
out.end();
await once(out, 'finish');
