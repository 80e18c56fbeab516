import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { activityNames } from './activities';
import { createRandom } from '../../src/demo/random';
import { faultSequence, only } from './faults';
import { isSound } from './report';
import { runChaos } from './run-chaos';

const USAGE = 'usage: npm run chaos -- [--faults N] [--seed S] [--at-once N] [--only TEXT] [--json FILE]\n';

const wholeNumber = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`"${text}" is not a whole number`);
  return Number(text);
};

/** `npm run chaos`. Returns the exit code: 1 where a row was lost or doubled, a table wrong or the pipeline stuck. */
export const main = async (args: readonly string[]): Promise<number> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      faults: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      'at-once': { type: 'string', default: '1' },
      only: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const seed = wholeNumber(values.seed);
  const sequence = faultSequence(createRandom(seed + 1), activityNames());
  const report = await runChaos({
    faults: wholeNumber(values.faults),
    seed,
    sequence: values.only === undefined ? sequence : only(sequence, values.only),
    atOnce: wholeNumber(values['at-once']),
    log: (line) => process.stdout.write(`${line}\n`),
    keep: true,
  });
  const text = `${JSON.stringify(report, null, 2)}\n`;
  process.stdout.write(text);
  if (values.json !== undefined) writeFileSync(values.json, text);
  return isSound(report) ? 0 : 1;
};
