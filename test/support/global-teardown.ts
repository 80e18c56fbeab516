import { heldStack } from './test-stack';

/** Gives the servers back; they stop unless another run uses them. */
const tearDown = async (): Promise<void> => {
  await heldStack.strataTestStack?.release();
  heldStack.strataTestStack = undefined;
};

module.exports = tearDown;
