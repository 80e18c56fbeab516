import { z } from 'zod/v4';

export interface RowRule {
  /** The columns that the rule reads. It is checked whenever these are valid, whatever else is wrong with the row. */
  readonly columns: readonly string[];
  /** Whether the row is good; it gets these columns' outputs (text, or null), and no other column. */
  readonly isGood: (row: Record<string, string | null>) => boolean;
  /** What a bad row is told; shown after the name of the first column. */
  readonly message: string;
}

interface Payload {
  readonly value: unknown;
  readonly issues: z.core.$ZodRawIssue[];
}

const ruleOfCheck = new WeakMap<object, RowRule>();

/** The rules of a schema; undefined when it has checks that are none. */
export const rowRulesOf = (schema: z.ZodObject): readonly RowRule[] | undefined => {
  const rules = (schema._zod.def.checks ?? []).map((check) => ruleOfCheck.get(check));
  return rules.every((rule) => rule !== undefined) ? rules : undefined;
};

/** A rule over several columns of a row: `z.object({...}).check(rowRule({...}))`. */
export const rowRule = (rule: RowRule): z.core.$ZodCheck<Record<string, unknown>> => {
  const { columns, isGood, message } = rule;
  const check = z.check<Record<string, unknown>>((payload) => {
    const row = payload.value as Record<string, string | null>;
    const read = columns.filter((column) => Object.hasOwn(row, column));
    if (isGood(Object.fromEntries(read.map((column) => [column, row[column] ?? null])))) return;
    payload.issues.push({
      code: 'custom',
      message,
      path: columns.slice(0, 1),
      input: payload.value,
      params: { code: 'INVALID_VALUE' },
    });
  });
  // zod skips a check of an object once one of its fields has failed, unless it says itself when to run.
  check._zod.def.when = ({ issues }: Payload) =>
    issues.length === 0 || !issues.some((issue) => columns.includes(String(issue.path?.[0])));
  ruleOfCheck.set(check, rule);
  return check;
};
