import type { RecordedVerification, UnequalRow } from '../db/verifications';
import { differenceCounts, differenceText } from '../domain/verification';
import type { NodeResult, Verification } from '../wire/transform';

const grouped = new Intl.NumberFormat('en-US');

const sizeText = ({ rows, periods }: Verification): string => {
  const size = `${grouped.format(rows)} ${rows === 1 ? 'row' : 'rows'}`;
  if (periods === undefined || rows === 0) return size;
  return `${size} in ${grouped.format(periods)} ${periods === 1 ? 'period' : 'periods'}`;
};

const outcomeText = (result: NodeResult): string[] => {
  const { verification, state, message = '' } = result;
  if (verification?.equal === true) return ['equal  ', sizeText(verification)];
  if (verification !== undefined) return ['DIFFERS', sizeText(verification), differenceText(verification)];
  return [state === 'skipped' ? 'SKIP   ' : 'ERROR  ', message.replace(/\s*[\r\n]+\s*/g, ' ')];
};

/** One relation: `gold.dim_customer  equal    12,345 rows in 36 periods` */
export const verifyLine = (result: NodeResult, labelWidth: number): string =>
  [result.label.padEnd(labelWidth), ...outcomeText(result)].join('  ').trimEnd();

const rowText = ({ kind, key, columns }: UnequalRow): string => {
  const values = key.map((value) => (value === null ? 'NULL' : JSON.stringify(value))).join(', ');
  const which = columns.length === 0 ? '' : `  differs in ${columns.join(', ')}`;
  return `    ${kind.padEnd(10)}  (${values})${which}`;
};

/** The periods of a relation that differ, each with the first keys that were kept. */
export const differenceLines = ({ relation, verification, unequal }: RecordedVerification): string[] => {
  const { problem, differences = [], differenceCount = 0 } = verification;
  const more = differenceCount - differences.length;
  return [
    relation,
    ...(problem === undefined ? [] : [`  ${problem}`]),
    ...differences.flatMap((difference) => [
      `  ${difference.period}  ${differenceCounts(difference)}`,
      ...unequal.filter((row) => row.period === difference.period).map(rowText),
    ]),
    ...(more > 0 ? [`  and ${more} more periods`] : []),
  ];
};

/** What the verification came to as a whole. */
export const verifySummary = (results: readonly NodeResult[], durationMs: number): string => {
  const equal = results.filter((r) => r.verification?.equal === true).length;
  const differing = results.filter((r) => r.verification?.equal === false).length;
  const other = results.length - equal - differing;
  const words = [
    `${equal} equal a full refresh`,
    ...(differing > 0 ? [`${differing} DIFFER`] : []),
    ...(other > 0 ? [`${other} could not be compared`] : []),
  ];
  return `Of ${results.length} relations ${words.join(', ')}; in ${(durationMs / 1000).toFixed(1)}s`;
};
