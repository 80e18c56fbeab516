import { checkHistories } from '../../../support/histories/check-histories';
import { fewMoments, histories, mixedRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('customers that are deleted and come back, in any order, give the dimension and the facts that a computation from scratch gives', () =>
  checkHistories(
    {
      name: 'deletes',
      histories: histories({
        customers: 6,
        transactions: 3,
        spend: 0,
        moments: fewMoments,
        deletes: true,
        runs: mixedRuns,
      }),
      deletes: true,
    },
    36,
  ));
