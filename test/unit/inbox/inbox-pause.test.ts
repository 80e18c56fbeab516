import { secondsToWait } from '../../../src/domain/inbox-pause';

test('the second try is at once; then pauses double, up to six hours, and end', () => {
  const waits = [0, 1, 2, 3, 4, 10, 50, 5_000].map((tries) => secondsToWait({ tries, secondsAgo: 0 }));
  expect(waits).toEqual([0, 0, 60, 120, 240, 15_360, 21_600, 21_600]);
  expect(secondsToWait({ tries: 3, secondsAgo: 119.5 })).toBe(1);
  expect(secondsToWait({ tries: 3, secondsAgo: 500 })).toBe(0);
});
