/** Closes a switch over a union: a case that was forgotten doesn't compile. */
export const assertNever = (value: never): never => {
  throw new Error(`Unexpected: ${JSON.stringify(value)}`);
};
