import { urlOfDatabase } from './database';
import { ensureTemplate, heldStack, joinTestStack } from './test-stack';

/** Starts one PostgreSQL and one Temporal for the whole run and tells the tests by the environment where they are. */
const setUp = async (): Promise<void> => {
  const stack = await joinTestStack((line) => process.stderr.write(`stack: ${line}\n`));
  heldStack.strataTestStack = stack;
  // Jest ends at once when it is interrupted, without a teardown.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stack.release().finally(() => process.exit(130)));
  try {
    const { databaseUrl, temporalAddress } = stack;
    if (databaseUrl === undefined || temporalAddress === undefined)
      throw new Error('The stack has no servers');
    const adminUrl = urlOfDatabase(databaseUrl, 'postgres');
    process.env.STRATA_TEST_TEMPLATE = await ensureTemplate(adminUrl);
    process.env.STRATA_TEST_ADMIN_URL = adminUrl;
    process.env.STRATA_TEST_TEMPORAL_ADDRESS = temporalAddress;
  } catch (error) {
    await stack.release();
    throw error;
  }
};

// Jest takes a set-up only as what the module is.
module.exports = setUp;
