import { dbtFunctions, type DbtFunctionsInput } from './dbt-functions';
import type { JinjaEngine } from './jinja-engine';
import type { Mapping } from './node-config';
import { strataFunctions, type StrataFunctionsInput } from './strata-functions';
import { createTemplateValues } from './template-values';

/** Where relations live that no configuration gives a schema: dbt's `target.schema`. */
export const DEFAULT_SCHEMA = 'analytics';

export interface TemplateInput extends Omit<DbtFunctionsInput, 'target'> {
  readonly engine: JinjaEngine;
  /** Names the template in errors. */
  readonly file: string;
  readonly rawCode: string;
  readonly target: { readonly database: string; readonly warehouse: string };
  readonly sourceOf: StrataFunctionsInput['sourceOf'];
  readonly consumed: StrataFunctionsInput['consumed'];
}

export interface RenderedTemplate {
  readonly sql: string;
  readonly config: Mapping;
  readonly affectedPeriods?: readonly string[] | undefined;
}

/** Renders one template once with dbt's and strata's functions. @throws TemplateError */
export const renderTemplate = (input: TemplateInput): RenderedTemplate => {
  const values = createTemplateValues();
  const dbt = dbtFunctions({ ...input, target: { ...input.target, schema: DEFAULT_SCHEMA } });
  const strata = strataFunctions({ ...input, config: dbt.config });
  const sql = input.engine.render(
    { file: input.file, source: input.rawCode },
    { ...dbt.globals, ...strata.functions },
    values,
  );
  return { sql, config: dbt.config(), affectedPeriods: strata.affectedPeriods() };
};
