// Writes what jest itself counted to .strata/test-results.json, for .ci/run to read.
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

module.exports = class JestSummaryReporter {
  constructor(globalConfig) {
    this.file = join(globalConfig.rootDir, '.strata', 'test-results.json');
  }

  onRunComplete(_contexts, results) {
    // A file that can't even be loaded has no tests to count, and is a failure all the same.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const counts = {
      passed: results.numPassedTests,
      failed,
      skipped: results.numPendingTests + results.numTodoTests,
      success: results.success,
    };
    mkdirSync(join(this.file, '..'), { recursive: true });
    writeFileSync(this.file, `${JSON.stringify(counts)}\n`);
  }
};
