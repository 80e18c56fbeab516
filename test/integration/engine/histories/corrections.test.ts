import { checkHistories } from '../../../support/histories/check-histories';
import { histories, wholeRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('a few transactions that are corrected again and again, between customers, months and states, end as a computation from scratch has them', () =>
  checkHistories(
    {
      name: 'corrections',
      histories: histories({
        customers: 2,
        transactions: 6,
        spend: 0,
        transactionIds: 4,
        runs: wholeRuns,
      }),
    },
    36,
  ));
