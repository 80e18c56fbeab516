import { Environment } from 'minijinja-js';
import { builtinMacros } from './builtin-macros';
import { MACROS, type MacroNames, macroDefinitions, rewriteTemplate } from './jinja-rewrite';
import type { ManifestMacroFile } from './manifest';
import { TemplateError, TemplateFailure } from './template-error';
import { HandleValue, isMap, type TemplateFunction, type TemplateValues, textOf } from './template-values';

/** Instructions that one rendering may take: an endless loop ends with an error instead of a hanging worker. */
const FUEL = 50_000_000;
/** Parts what the macro files print from what the template prints. */
const BODY = '\u0001';
/** The engine refuses a symbol with an error that has the place; an exception of JavaScript would end the whole engine. */
const ABORT = Symbol('abort');

interface JinjaTemplate {
  /** Names it in errors; the engine keeps the template under this name. */
  readonly file: string;
  readonly source: string;
}

export interface JinjaEngine {
  /** Names of all macros, the built-in ones included. */
  readonly macroNames: ReadonlySet<string>;
  /** @throws TemplateError */
  render(template: JinjaTemplate, globals: Readonly<Record<string, unknown>>, values: TemplateValues): string;
}

/** The rendering that is going on. */
interface Session {
  values: TemplateValues | undefined;
}

/** An engine that knows a project's macros. @throws TemplateError when a macro file doesn't parse. */
export const createJinjaEngine = (project: string, macroFiles: readonly ManifestMacroFile[]): JinjaEngine => {
  const files = [...builtinMacros, ...macroFiles];
  const definitions = files.map((file) => macroDefinitions(file.source));
  const macros: MacroNames = {
    project,
    names: new Set(definitions.flatMap(({ names }) => names)),
    returning: new Set(definitions.flatMap(({ returning }) => returning)),
  };
  const session: Session = { values: undefined };
  const load = (): Environment => loadEnvironment(files, macros, session);
  let environment = load();
  const known = new Map<string, string>();
  const prefix =
    `{% set ${MACROS} = namespace() %}` +
    files.map((file) => `{% include ${JSON.stringify(file.path)} %}`).join('') +
    BODY;

  return {
    macroNames: macros.names,
    render: (template, globals, values) => {
      const call = createCalls(values);
      const key = `template:${template.file}`;
      session.values = values;
      try {
        if (known.get(key) !== template.source) {
          known.delete(key);
          environment.addTemplate(key, prefix + rewriteTemplate(template.source, macros));
          known.set(key, template.source);
        }
        const output = environment.renderTemplate(key, call.context(globals));
        return values.expand(output.slice(output.indexOf(BODY) + BODY.length)).trim();
      } catch (error) {
        if (isBroken(error)) {
          known.clear();
          environment = load();
        }
        throw templateError(error, template, call.failure());
      } finally {
        session.values = undefined;
      }
    },
  };
};

const loadEnvironment = (
  files: readonly ManifestMacroFile[],
  macros: MacroNames,
  session: Session,
): Environment => {
  const environment = new Environment();
  environment.enablePyCompat();
  environment.undefinedBehavior = 'semi_strct';
  environment.fuel = FUEL;
  for (const [name, filter] of Object.entries(textFilters))
    environment.addFilter(name, textFilter(filter, session));
  for (const file of files) {
    const exports = macroDefinitions(file.source).names.map(
      (name) => `{% set ${MACROS}.${name} = ${name} %}`,
    );
    try {
      environment.addTemplate(file.path, rewriteTemplate(file.source, macros) + exports.join(''));
    } catch (error) {
      throw templateError(error, { file: file.path, source: file.source }, undefined);
    }
  }
  return environment;
};

/** The engine's own filters would see a relation as a mapping. */
const textFilters: Readonly<Record<string, (text: string, ...args: string[]) => string>> = {
  string: (text) => text,
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  replace: (text, from = '', to = '') => text.replaceAll(from, to),
};

/**
 * The engine's table of functions keeps this one alive, and with it all it can reach: not the environment, which
 * would never be freed.
 */
const textFilter =
  (filter: (text: string, ...args: string[]) => string, session: Session): TemplateFunction =>
  (...args) => {
    try {
      const [text = '', ...rest] = args.map((arg) => textOf(session.values?.fromTemplate(arg)));
      return filter(text, ...rest);
    } catch {
      return ABORT;
    }
  };

interface Calls {
  context(globals: Readonly<Record<string, unknown>>): Record<string, unknown>;
  failure(): TemplateFailure | undefined;
}

/** Makes functions safe to call from the engine: arguments as plain values, exceptions as an abort with its reason. */
const createCalls = (values: TemplateValues): Calls => {
  let failure: TemplateFailure | undefined;
  const wrap =
    (fn: TemplateFunction): TemplateFunction =>
    (...args) => {
      try {
        return values.toTemplate(fn(...args.map(values.fromTemplate)), wrap);
      } catch (error) {
        failure ??= error instanceof TemplateFailure ? error : new TemplateFailure(messageOf(error));
        return ABORT;
      }
    };
  return {
    context: (globals) =>
      Object.fromEntries(
        Object.entries({ ...engineFunctions(values), ...globals }).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, values.toTemplate(value, wrap)]],
        ),
      ),
    failure: () => failure,
  };
};

/** What the rewriting of templates calls. */
const engineFunctions = (values: TemplateValues): Record<string, TemplateFunction> => ({
  return: (value) => values.keepReturned(value),
  __returned: (output) => values.returned(output),
  __at: (value, position) => itemAt(value, Number(position)),
  __get: (value, key, otherwise) => {
    if (isMap(value)) return value.get(key) ?? otherwise;
    if (value instanceof HandleValue) return value.members[String(key)] ?? otherwise;
    throw new TemplateFailure(`${textOf(value)} has no method get`);
  },
});

const itemAt = (value: unknown, position: number): unknown => {
  const items = value instanceof HandleValue ? value.members['__items'] : value;
  if (isMap(items)) return items.get(String(position));
  if (typeof items !== 'string' && !Array.isArray(items)) {
    throw new TemplateFailure(`${textOf(value)} has no item ${position}`);
  }
  const item: unknown = items[position];
  if (item === undefined) throw new TemplateFailure(`a list of ${items.length} has no item ${position}`);
  return item;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** After a panic the engine's memory is in no known state. */
const isBroken = (error: unknown): boolean =>
  /^(RuntimeError: )?unreachable$|recursive use of an object/.test(messageOf(error)) ||
  (error as { name?: unknown } | undefined)?.name === 'RuntimeError';

const PLACE = /\(in (?:template:)?([^\n]+?):(\d+)\)/g;

const templateError = (
  error: unknown,
  template: JinjaTemplate,
  failure: TemplateFailure | undefined,
): TemplateError => {
  const text = messageOf(error);
  const place = [...text.matchAll(PLACE)].at(-1);
  const file = place?.[1] ?? template.file;
  const line = place ? Number(place[2]) : undefined;
  const source = file === template.file ? template.source.split('\n')[(line ?? 0) - 1]?.trim() : undefined;
  const message = failure?.message ?? explain(text, source);
  return new TemplateError(message, { file, line }, failure?.certain ?? /^syntax error/.test(text));
};

/** The engine's words without its drawing of the source, and with dbt users' usual traps explained. */
const explain = (text: string, source: string | undefined): string => {
  const first = (text.split('\n')[0] ?? text)
    .replace(/ \(in [^\n]+?:\d+\).*$/, '')
    .replaceAll(`${MACROS}.`, '');
  if (isBroken(new Error(text)) || first === 'unreachable') return 'the template engine gave up';
  if (/no method named (append|extend|update|insert|pop)/.test(first)) {
    return `${first}: lists and mappings can't be changed; use a namespace: {% set ns.items = ns.items + [x] %}`;
  }
  if (first === 'undefined value' && source) return `undefined value in ${source}`;
  return first;
};
