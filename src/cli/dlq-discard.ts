/* eslint-disable @typescript-eslint/no-require-imports -- loads while the servers start */
import { countOf } from '../domain/count-of';
import type { CommandContext } from './context';
import { actorOf, type DlqActOptions, filterOf } from './dlq-options';
import { withDatabase } from './session';

const move = (
  context: CommandContext,
  options: DlqActOptions,
  action: 'discarded' | 'reopened',
): Promise<number> =>
  withDatabase(context, { role: `dlq ${action}`, as: 'loader' }, async ({ pool, config }) => {
    const db = require('../db/dead-letter-actions') as typeof import('../db/dead-letter-actions');
    const { output } = context;
    const act = { actor: actorOf(config), reason: options.reason };
    const moved = await (action === 'discarded' ? db.discardLetters : db.reopenLetters)(
      pool,
      filterOf(options),
      act,
    );
    output.document({ [action]: moved });
    output.line(`${countOf(moved, 'dead letter')} ${action}`);
    const asked = options.ids?.length ?? 0;
    if (asked > moved)
      output.note(`${asked - moved} of those named are not ${action === 'discarded' ? 'open' : 'discarded'}`);
    return 0;
  });

/** `strata dlq discard` */
export const dlqDiscardCommand = (context: CommandContext, options: DlqActOptions): Promise<number> =>
  move(context, options, 'discarded');

/** `strata dlq reopen` */
export const dlqReopenCommand = (context: CommandContext, options: DlqActOptions): Promise<number> =>
  move(context, options, 'reopened');
