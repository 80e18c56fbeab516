import { explainDatabase } from '../../../src/explain-database';

const URL = 'postgresql://ann:secret-word@db.example:5433/sales';
const withCode = (message: string, code: string): Error => Object.assign(new Error(message), { code });

test.each([
  ['3D000', 'Database db.example:5433/sales does not exist'],
  ['28P01', 'Database db.example:5433/sales refuses the connection: from the server'],
  ['28000', 'Database db.example:5433/sales refuses the connection: from the server'],
  ['ECONNREFUSED', 'Database db.example:5433/sales does not answer: from the server'],
])('%s names the database and what is wrong, not the password', (code, message) => {
  const explained = explainDatabase(withCode('from the server', code), URL);
  expect(explained).toMatchObject({ code: 'DATABASE_UNREACHABLE', message });
});

test('any other error stays as it is', () => {
  const error = withCode('division by zero', '22012');
  expect(explainDatabase(error, URL)).toBe(error);
});
