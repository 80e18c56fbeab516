import { checkHistories } from '../../../support/histories/check-histories';
import { fewMoments, histories, wholeRuns } from '../../../support/histories/history-arbitraries';

jest.setTimeout(3_600_000);

test('changes of customers in any order of time and of loads give the dimension and the facts that a computation from scratch gives', () =>
  checkHistories(
    {
      name: 'customers',
      histories: histories({ customers: 6, transactions: 3, spend: 0, moments: fewMoments, runs: wholeRuns }),
    },
    36,
  ));
