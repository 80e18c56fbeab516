import type { FastifyInstance } from 'fastify';
import { z } from 'zod/v4';
import { otherProject } from '../../config';
import { discardLetters, reopenLetters } from '../../db/dead-letter-actions';
import {
  countLetters,
  getLetter,
  letterActions,
  type LetterFilter,
  type LetterRow,
  readLetters,
} from '../../db/dead-letter-queue';
import { requestReplays } from '../../db/request-replays';
import { correctedTexts, editLetter, fieldsOfLetter } from '../../ingest/mend-letters';
import { startReplay } from '../../temporal/start-workflows';
import { addAction, actOf, planNow, Reason } from '../act';
import { addRead, PageQuery } from '../add-read';
import type { DashboardDeps } from '../deps';

const IdText = z.string().regex(/^\d{1,18}$/);
const State = z.enum(['open', 'replayed', 'discarded']);

const Filter = z.object({
  dataset: z.string().max(200).optional(),
  batchId: IdText.optional(),
  code: z.string().max(100).optional(),
});

const Letter = z.object({
  id: z.string(),
  dataset: z.string(),
  batchId: z.string(),
  file: z.string(),
  lineNumber: z.number(),
  state: State,
  isOfRejectedFile: z.boolean(),
  isCorrected: z.boolean(),
  attempts: z.number(),
  errorCode: z.string(),
  error: z.string(),
  createdAt: z.string(),
});

const Texts = z.record(z.string(), z.string());

const WholeLetter = Letter.extend({
  record: z.string(),
  recordBytes: z.string().nullable().describe('In base64, where text can not hold the record'),
  columns: z
    .array(
      z.object({
        name: z.string(),
        value: z.string(),
        was: z.string().nullable().describe('Before it was corrected'),
        isUndecodable: z.boolean(),
      }),
    )
    .nullable()
    .describe('Null: the project has no such dataset'),
  needsAllColumns: z
    .boolean()
    .describe('The record can not be told into columns: a correction names all of them'),
  actions: z.array(
    z.object({
      action: z.string(),
      actor: z.string(),
      actedAt: z.string(),
      reason: z.string().nullable(),
      after: Texts.nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export type LetterView = z.output<typeof Letter>;
export type WholeLetterView = z.output<typeof WholeLetter>;

const shortOf = ({ corrected, record: _r, recordBytes: _b, header: _h, ...letter }: LetterRow) => ({
  ...letter,
  isCorrected: corrected !== null,
});

const describeLetter = async (
  { login, project }: DashboardDeps,
  id: string,
): Promise<z.input<typeof WholeLetter>> => {
  const [letter, actions] = await Promise.all([getLetter(login, id), letterActions(login, id)]);
  const dataset = project.datasetNames().includes(letter.dataset)
    ? project.dataset(letter.dataset)
    : undefined;
  const known = dataset && fieldsOfLetter(dataset, letter);
  const texts = known ? correctedTexts(known, letter) : {};
  return {
    ...shortOf(letter),
    record: letter.record,
    recordBytes: letter.recordBytes?.toString('base64') ?? null,
    columns:
      known?.columns.map((name) => ({
        name,
        value: texts[name] ?? '',
        was: letter.corrected?.[name] === undefined ? null : (known.texts[name] ?? ''),
        isUndecodable: known.undecodable.includes(name),
      })) ?? null,
    needsAllColumns: known !== undefined && known.fields === undefined,
    actions: [...actions],
  };
};

const addLetterReads = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { login } = deps;
  const topics = ['letters', 'batches'];
  addRead(app, deps, {
    path: '/dead-letters',
    tag: 'dead letters',
    summary: 'Dead letters in the order of their ids, and how many there are for each reason',
    topics,
    confidential: true,
    query: PageQuery.extend({ after: IdText.optional(), state: State.optional() }).extend(Filter.shape),
    response: z.object({
      items: z.array(Letter),
      next: z.string().nullable(),
      counts: z.array(
        z.object({ dataset: z.string(), state: z.string(), errorCode: z.string(), letters: z.number() }),
      ),
    }),
    answer: async ({ query: { limit, after, ...filter } }) => {
      const [items, counts] = await Promise.all([
        readLetters(login, filter, { after, limit }),
        countLetters(login, { ...filter, state: undefined }),
      ]);
      // A page may end before its limit: long records are cut off by their bytes.
      const last = items.at(-1);
      const more = last === undefined ? [] : await readLetters(login, filter, { after: last.id, limit: 1 });
      return {
        items: items.map(shortOf),
        next: more.length > 0 ? (last?.id ?? null) : null,
        counts: [...counts],
      };
    },
  });
  addRead(app, deps, {
    path: '/dead-letters/:id',
    tag: 'dead letters',
    summary: 'A dead letter: record, columns, errors, what was done with it',
    topics,
    confidential: true,
    params: z.object({ id: IdText }),
    response: WholeLetter,
    answer: ({ params: { id } }) => describeLetter(deps, id),
  });
};

/** Which letters an action means: some that are named, or all of a filter. */
const Which = z
  .object({ ids: z.array(IdText).min(1).max(10_000).optional(), reason: Reason })
  .extend(Filter.shape)
  .refine(
    ({ ids, dataset, batchId, code }) => [ids, dataset, batchId, code].some((value) => value !== undefined),
    'say which letters: ids, a dataset, a batch or a code',
  );

const filterOf = ({ ids, dataset, batchId, code }: z.output<typeof Which>): LetterFilter => ({
  ids,
  dataset,
  batchId,
  code,
});

const addEdit = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { login, project, config } = deps;
  addAction(app, deps, {
    method: 'PATCH',
    path: '/dead-letters/:id',
    tag: 'dead letters',
    summary: 'Corrects columns of a dead letter; the record itself stays',
    params: z.object({ id: IdText }),
    body: z.object({ columns: Texts, reason: Reason }),
    status: 200,
    response: z.object({ isChanged: z.boolean(), passes: z.boolean(), error: z.string().nullable() }),
    run: async ({ params: { id }, body: { columns: written, reason } }) => {
      const letter = await getLetter(login, id);
      const { isChanged, verdict } = await editLetter(login, {
        letter,
        dataset: project.dataset(letter.dataset),
        written,
        act: actOf(deps, reason),
        maxFieldBytes: config.maxFieldBytes,
      });
      return { isChanged, passes: verdict.ok, error: verdict.ok ? null : verdict.error };
    },
  });
};

const addMoves = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { login } = deps;
  for (const [verb, move] of [
    ['discard', discardLetters],
    ['reopen', reopenLetters],
  ] as const)
    addAction(app, deps, {
      method: 'POST',
      path: `/dead-letters/${verb}`,
      tag: 'dead letters',
      summary: verb === 'discard' ? 'Takes letters out of the queue' : 'Puts discarded letters back into it',
      body: Which,
      status: 200,
      response: z.object({ letters: z.number() }),
      run: async ({ body }) => ({ letters: await move(login, filterOf(body), actOf(deps, body.reason)) }),
    });
};

/** The dead letter queue; for the operator, since letters hold what senders sent, whole. */
export const addLetterRoutes = (app: FastifyInstance, deps: DashboardDeps): void => {
  const { login, client, warehouse } = deps;
  addLetterReads(app, deps);
  addEdit(app, deps);
  addMoves(app, deps);
  addAction(app, deps, {
    method: 'POST',
    path: '/dead-letters/replay',
    tag: 'dead letters',
    summary: 'Takes letters through the checks again, publishes what passes, runs the models',
    body: Which,
    status: 202,
    response: z.object({ workflowIds: z.array(z.string()), notes: z.array(z.string()) }),
    run: async ({ body }) => {
      const planHash = await planNow(deps);
      const projectDir = otherProject(deps.config.projectDir);
      const { replayIds, notes } = await requestReplays(login, filterOf(body), actOf(deps, body.reason));
      const workflowIds: string[] = [];
      for (const replayId of replayIds) {
        const handle = await startReplay(
          { client, warehouse },
          { replayId, transform: true, planHash, projectDir },
        );
        workflowIds.push(handle.workflowId);
      }
      return { workflowIds, notes: [...notes] };
    },
  });
};
