import type { PeriodDifference, Verification } from '../wire/transform';

const SHOWN_PERIODS = 3;

/** `2 missing, 1 different` */
export const differenceCounts = (difference: PeriodDifference): string =>
  (['missing', 'unexpected', 'different'] as const)
    .filter((kind) => difference[kind] > 0)
    .map((kind) => `${difference[kind]} ${kind}`)
    .join(', ');

/** How a relation differs from its full refresh, in one line without any value of a row; '' if it doesn't. */
export const differenceText = ({
  equal,
  problem,
  differences = [],
  differenceCount = 0,
}: Verification): string => {
  if (equal) return '';
  const shown = differences.slice(0, SHOWN_PERIODS).map((d) => `${d.period}: ${differenceCounts(d)}`);
  const more = differenceCount - shown.length;
  return [
    ...(problem === undefined ? [] : [problem]),
    ...shown,
    ...(more > 0 ? [`${more} more periods`] : []),
  ].join('; ');
};
