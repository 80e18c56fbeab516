import { checkHistories } from '../../../support/histories/check-histories';
import { histories, mixedRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('runs and full refreshes of selections in between leave no drift', () =>
  checkHistories(
    {
      name: 'selections',
      histories: histories({ customers: 3, transactions: 4, spend: 1, runs: mixedRuns }),
    },
    36,
  ));
