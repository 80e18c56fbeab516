import { MAX_SUMMARY } from '../wire/alerts';

/** A summary as the alerter takes it: a longer one would make it ignore the whole signal. */
export const alertSummary = (text: string): string =>
  text.length <= MAX_SUMMARY ? text : `${text.slice(0, MAX_SUMMARY - 1)}…`;
