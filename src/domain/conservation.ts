import { StrataError } from './errors';

/** Two counts of the same rows, made in different places; `left` and `right` say which. */
export interface Balance {
  readonly left: string;
  readonly is: number;
  readonly right: string;
  readonly of: number;
}

/** Makes sure that no row got lost or came twice on the way. @throws ROWS_NOT_CONSERVED names what differs */
export const refuseImbalance = (label: string, balances: readonly Balance[]): void => {
  const wrong = balances.filter(({ is, of }) => is !== of);
  if (wrong.length === 0) return;
  const problems = wrong.map(({ left, is, right, of }) => `${left}: ${is}, ${right}: ${of}`);
  throw new StrataError('ROWS_NOT_CONSERVED', `${label}: ${problems.join('; ')}`);
};
