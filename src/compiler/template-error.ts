import { StrataError } from '../domain/errors';

/** What a template asked for and may not have; carried out of the Jinja engine beside its own error. */
export class TemplateFailure extends Error {
  override readonly name = 'TemplateFailure';

  /** `certain`: wrong whatever the database holds, so that even a tentative rendering may report it. */
  constructor(
    message: string,
    readonly certain = false,
  ) {
    super(message);
  }
}

/** An error of a template, with the place in the project. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';

  constructor(
    message: string,
    readonly place: { readonly file: string; readonly line?: number | undefined },
    readonly certain: boolean,
  ) {
    super(message);
  }
}

/** The one line that a user sees: `models/x.sql:3: message (rendering model.echo.x)`. */
export const compileFailed = (error: TemplateError, nodeId: string, nodePath: string): StrataError => {
  const { file, line } = error.place;
  const at = line === undefined ? file : `${file}:${line}`;
  const whose = file === nodePath ? '' : ` (rendering ${nodeId})`;
  return new StrataError('MODEL_COMPILE_FAILED', `${at}: ${error.message}${whose}`, { cause: error });
};
