import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod/v4';
import { StrataError } from '../domain/errors';

/** A file of a dbt-style project, as text. */
export interface ProjectFile {
  /** Relative to the project's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

export type YamlPath = readonly (string | number)[];

/** The error for a file of the project, at a line where one is known. */
export const projectInvalid = (path: string, line: number | undefined, message: string): StrataError =>
  new StrataError('PROJECT_INVALID', `${line === undefined ? path : `${path}:${line}`}: ${message}`);

export interface YamlFile<T> {
  readonly path: string;
  readonly value: T;
  /** The line on which a part begins: of the nearest part around it that exists. */
  lineOf(path: YamlPath): number | undefined;
}

/** Reads a YAML file against a schema. @throws PROJECT_INVALID with file, line and the first thing that is wrong. */
export const parseYamlFile = <T>(file: ProjectFile, schema: z.ZodType<T>): YamlFile<T> => {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem)
    throw projectInvalid(file.path, lines.linePos(problem.pos[0]).line, firstLine(problem.message));

  const lineOf = (path: YamlPath): number | undefined => {
    for (let length = path.length; length > 0; length -= 1) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      const start = (node as { range?: readonly number[] | null } | undefined)?.range?.[0];
      if (start !== undefined) return lines.linePos(start).line;
    }
    return undefined;
  };
  const parsed = schema.safeParse(toJs(document, file.path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = (issue?.path ?? []).map((part) => (typeof part === 'number' ? part : String(part)));
    throw projectInvalid(file.path, lineOf(path), `${path.join('.') || 'the file'}: ${issue?.message ?? ''}`);
  }
  return { path: file.path, value: parsed.data, lineOf };
};

const toJs = (document: ReturnType<typeof parseDocument>, path: string): unknown => {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw projectInvalid(path, undefined, firstLine(error instanceof Error ? error.message : String(error)));
  }
};

const firstLine = (text: string): string => text.split('\n')[0] ?? text;
