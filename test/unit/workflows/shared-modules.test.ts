import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SRC = resolve(__dirname, '..', '..', '..', 'src');
const WIRE = join(SRC, 'wire');
const withSchemas = readdirSync(WIRE).filter((name) =>
  readFileSync(join(WIRE, name), 'utf8').includes("import { z } from 'zod/v4'"),
);

/** Whether zod would test by an expression anywhere below: it sets `lastIndex` of it, which can't be done when frozen. */
const testsByExpression = (value: unknown, seen = new Set<unknown>()): boolean => {
  if (value === null || typeof value !== 'object' || seen.has(value)) return false;
  seen.add(value);
  const { def } = value as { def?: { pattern?: unknown } };
  if (def?.pattern instanceof RegExp) return true;
  // As freezing finds them: also those that aren't enumerable.
  return Object.getOwnPropertyNames(value).some((name) =>
    testsByExpression((value as Record<string, unknown>)[name], seen),
  );
};

test('all schemas of the wire are shared by the workflows, or by what is shared', () => {
  const shared = readFileSync(join(SRC, 'workflows', 'shared-modules.ts'), 'utf8');
  const named = [...shared.matchAll(/import '\.\.\/wire\/([\w-]+)'/g)].map(([, name]) => `${name}.ts`);
  expect([...named, 'text-formats.ts'].sort()).toEqual(withSchemas.sort());
});

test.each(withSchemas)(
  '%s can be used frozen: no schema checks an expression that zod writes to',
  async (name) => {
    const schemas = Object.values((await import(join(WIRE, name))) as Record<string, unknown>);
    expect(schemas.filter((schema) => testsByExpression(schema))).toEqual([]);
  },
);

test('one that does is found', async () => {
  const { z } = await import('zod/v4');
  expect(testsByExpression(z.object({ id: z.array(z.string().regex(/x/)).optional() }))).toBe(true);
  expect(testsByExpression(z.strictObject({ at: z.iso.datetime() }))).toBe(true);
});
