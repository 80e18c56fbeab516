import { checkHistories } from '../../../support/histories/check-histories';
import { histories, troubledRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('runs that are repeated, aborted, failed, two at once, or loaded into half-way lose nothing and do nothing twice', () =>
  checkHistories(
    {
      name: 'interruptions',
      histories: histories({ customers: 3, transactions: 4, spend: 1, runs: troubledRuns }),
    },
    36,
  ));
