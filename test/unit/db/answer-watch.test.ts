import { type Backend, type LookRow, standstillOf } from '../../../src/db/answer-watch';

const backend = { pid: 7, startedAt: '100.5', serverStartedAt: '90' };
const row: LookRow = {
  pid: 8,
  is_standby: false,
  server_started_at: '90',
  is_there: true,
  started_at: '100.5',
  standstill: 'idle ClientRead',
};
const at = (
  change: Partial<LookRow>,
  own: number | null = 8,
  session: Backend = backend,
): string | undefined => standstillOf({ ...row, ...change }, own, session);

test.each([
  ['the server waits for its client', at({}), 'idle ClientRead'],
  ['the server is at work, or says nothing of it', at({ standstill: null }), undefined],
  ['there is no such session', at({ is_there: false, started_at: null, standstill: null }), 'gone'],
  ['another session has its pid', at({ started_at: '101' }), 'gone'],
  ['the server has started anew, or is another primary', at({ server_started_at: '95' }), 'gone'],
  ['the look came to a standby', at({ is_standby: true, is_there: false, started_at: null }), undefined],
  ['the look went through a pooler', at({ is_there: false, started_at: null }, 99), undefined],
  ['the look may not see the session', at({ started_at: null, standstill: null }), undefined],
  ['the session could not see when it began', at({}, 8, { ...backend, startedAt: null }), undefined],
])('%s', (_, found, expected) => {
  expect(found).toBe(expected);
});
