import { checkHistories } from '../../../support/histories/check-histories';
import { edgesOfMonths, histories, wholeRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('subscriptions around the edges of months give the marts that a computation from scratch gives', () =>
  checkHistories(
    {
      name: 'months',
      histories: histories({
        customers: 1,
        transactions: 6,
        spend: 2,
        moments: edgesOfMonths,
        subscriptions: 12,
        runs: wholeRuns,
      }),
    },
    36,
  ));
