import { createOpenParts } from '../../../src/cli/open-parts';

test('parts are closed so that each can still use those it depends on, whatever order they were opened in', async () => {
  const closed: string[] = [];
  const parts = createOpenParts(() => undefined);
  const keep = (name: Parameters<typeof parts.keep>[0]): void => {
    parts.keep(name, () => Promise.resolve(closed.push(name)));
  };
  keep('embedded stack');
  keep('connection to PostgreSQL');
  keep('worker');
  keep('connection to Temporal');
  await parts.closeAll();
  expect(closed).toEqual(['worker', 'connection to Temporal', 'connection to PostgreSQL', 'embedded stack']);
});

test('a part that fails to close is noted, and the rest is closed all the same', async () => {
  const notes: string[] = [];
  let released = false;
  const parts = createOpenParts((text) => notes.push(text));
  parts.keep('worker', () => Promise.reject(new Error('stuck')));
  parts.keep('embedded stack', () => Promise.resolve((released = true)));
  await parts.closeAll();
  expect(released).toBe(true);
  expect(notes).toEqual(['warning: closing the worker: stuck']);
});
