import { fitIdentifier, nameHash, quoteIdentifier } from './identifiers';
import { isMapping, type Mapping } from './node-config';
import type { TestDeclaration } from './properties';

/** A generic test as a template: the call of its macro. */
export interface GenericTest {
  readonly name: string;
  readonly rawCode: string;
}

const MAX_NAME = 63;
const HEAD = 30;

/** A model's name, or that of a source and its table. */
export interface TestOwner {
  readonly name: string;
  readonly isSource: boolean;
  /** How a template refers to it: `ref('dim_customer')`. */
  readonly reference: string;
}

/** dbt's name of a test: `not_null_dim_customer_customer_id`; a long one is cut and ends in a hash. */
const genericTestName = (declaration: TestDeclaration, owner: TestOwner): string => {
  if (declaration.name !== undefined) return declaration.name;
  const values = Object.entries(testArguments(declaration))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, value]) => flatValues(value))
    .map((value) => value.replace(/[^0-9a-zA-Z_]+/g, '_'));
  const head = `${owner.isSource ? 'source_' : ''}${declaration.test}_${owner.name}`;
  const name = values.length > 0 ? `${head}_${values.join('__')}` : head;
  return name.length <= MAX_NAME ? name : fitIdentifier(`${name.slice(0, HEAD)}_${nameHash(name)}`);
};

const testArguments = ({ column, arguments: args }: TestDeclaration): Mapping =>
  column === undefined
    ? args
    : { column_name: column.quote ? quoteIdentifier(column.name) : column.name, ...args };

const flatValues = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(flatValues);
  if (isMapping(value)) return Object.values(value).flatMap(flatValues);
  // dbt names tests as Python prints the values.
  if (typeof value === 'boolean') return [value ? 'True' : 'False'];
  return [value === null || value === undefined ? 'None' : String(value)];
};

/** The template of a test on a relation. */
export const genericTest = (declaration: TestDeclaration, owner: TestOwner): GenericTest => {
  const blocks: string[] = [];
  const model = withWhere(owner.reference, declaration.config['where'], blocks);
  const args = Object.entries(testArguments(declaration)).map(
    ([key, value]) => `${key}=${templateLiteral(value, blocks)}`,
  );
  return {
    name: genericTestName(declaration, owner),
    rawCode: `${blocks.join('')}{{ test_${declaration.test}(${[`model=${model}`, ...args].join(', ')}) }}`,
  };
};

const withWhere = (relation: string, where: unknown, blocks: string[]): string => {
  if (typeof where !== 'string') return relation;
  return block(`(select * from {{ ${relation} }} where ${where}) as dbt_subquery`, blocks);
};

/** Text with Jinja in it is rendered before the call. */
const block = (text: string, blocks: string[]): string => {
  const name = `__text_${blocks.length}`;
  blocks.push(`{% set ${name} %}${text}{% endset %}`);
  return name;
};

const templateLiteral = (value: unknown, blocks: string[]): string => {
  if (Array.isArray(value)) return `[${value.map((item) => templateLiteral(item, blocks)).join(', ')}]`;
  if (isMapping(value)) {
    const entries = Object.entries(value).map(
      ([key, item]) => `${JSON.stringify(key)}: ${templateLiteral(item, blocks)}`,
    );
    return `{${entries.join(', ')}}`;
  }
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'string') return String(value);
  const reference = /^\s*(?:\{\{)?\s*((?:ref|source)\s*\([^{}]*\))\s*(?:\}\})?\s*$/.exec(value)?.[1];
  if (reference !== undefined) return reference;
  return /\{\{|\{%/.test(value) ? block(value, blocks) : JSON.stringify(value);
};

/** Whether a test is the call of a macro, and of which. */
export const genericTestMacro = (rawCode: string): string | undefined =>
  /\{\{ test_(\w+)\(model=[\s\S]*\}\}$/.exec(rawCode)?.[1];

export const testSeverity = (config: Mapping): 'warn' | 'error' | undefined => {
  const severity = String(config['severity'] ?? 'error').toLowerCase();
  return severity === 'warn' || severity === 'error' ? severity : undefined;
};
