import { selectNodes } from '../compiler/select-nodes';
import type { CommandContext } from './context';
import { compileProjectDir } from './project-plan';
import type { RunOptions } from './run';
import { withDatabase } from './session';

/** `strata compile`: the SQL that a run would execute now, and where it would put it. */
export const compileCommand = (context: CommandContext, options: RunOptions): Promise<number> =>
  withDatabase(
    context,
    { role: 'compile', as: 'transformer' },
    async ({ config, pool, databaseUrl, warehouse }) => {
      const { output } = context;
      const manifest = await compileProjectDir(config.projectDir, options.vars);
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- loads while the servers start
      const { previewSql } = require('../db/preview-sql') as typeof import('../db/preview-sql');
      const ids = selectNodes(manifest, {
        ...(options.select === undefined ? { kinds: ['model'] } : { select: options.select }),
        ...(options.exclude === undefined ? {} : { exclude: options.exclude }),
      });
      const compiled = [];
      for (const id of ids)
        compiled.push(
          await previewSql(pool, {
            manifest,
            nodeId: id,
            vars: options.vars ?? {},
            fullRefresh: options.fullRefresh ?? false,
            target: { database: new URL(databaseUrl).pathname.slice(1), warehouse },
          }),
        );
      if (options.json === true) output.document(compiled);
      else
        for (const { label, path, incremental, sql } of compiled)
          output.line(`-- ${label} (${path}${incremental ? ', incremental' : ''})\n${sql.trim()}\n`);
      return 0;
    },
  );
