// The order of the test files: the longest begins first, so that it does not run alone at the end; the others, of which a
// fresh clone knows no durations, by size.
const { statSync } = require('node:fs');

const LONGEST = /test\/e2e\/load\.test\.ts$/;
const weight = ({ path }) => (LONGEST.test(path) ? Infinity : statSync(path).size);

module.exports = class LongestFirst {
  sort(tests) {
    const weighed = [...tests].map((test) => ({ test, weight: weight(test) }));
    return weighed.sort((a, b) => (a.weight === b.weight ? 0 : b.weight - a.weight)).map(({ test }) => test);
  }

  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
};
