import type { CommonQueryMethods } from 'slonik';
import { z } from 'zod';
import { sql } from './sql';
import { CONDITION_KINDS, type MuteAlerts, type UnmuteAlerts } from '../wire/alerts';

const MuteRow = z.object({
  muteId: z.string(),
  kind: z.enum(CONDITION_KINDS).nullable(),
  subject: z.string().nullable(),
  untilMs: z.number(),
  until: z.string(),
  actor: z.string().nullable(),
  reason: z.string().nullable(),
});
export type MuteRow = z.infer<typeof MuteRow>;

/** The mutes that hold now. */
export const activeMutes = (db: CommonQueryMethods): Promise<readonly MuteRow[]> =>
  db.any(sql.type(MuteRow)`
    select
      mute_id as "muteId",
      kind,
      subject,
      (extract(epoch from until) * 1000)::float8 as "untilMs",
      until::text as "until",
      actor,
      reason
    from ops.alert_mute
    where until > clock_timestamp() and ended_at is null
    order by mute_id
  `);

/** Mutes a kind, a subject, or both together. A second call with the same makes it last as long as the longer of both. */
export const muteAlerts = async (db: CommonQueryMethods, mute: MuteAlerts): Promise<void> => {
  await db.query(sql.typeAlias('void')`
    insert into ops.alert_mute (kind, subject, until, actor, reason)
    values (
      ${mute.kind ?? null}, ${mute.subject ?? null},
      coalesce(
        ${mute.until ?? null}::timestamptz, clock_timestamp() + make_interval(secs => ${mute.seconds ?? null}::float8)
      ),
      ${mute.actor ?? null}, ${mute.reason ?? null}
    )
  `);
};

/** Ends the mutes of just this kind and subject; returns how many there were. */
export const unmuteAlerts = async (
  db: CommonQueryMethods,
  { kind, subject }: UnmuteAlerts,
): Promise<number> => {
  const { rowCount } = await db.query(sql.typeAlias('void')`
    update ops.alert_mute
    set ended_at = clock_timestamp()
    where
      kind is not distinct from ${kind ?? null}::text and subject is not distinct from ${subject ?? null}::text
      and until > clock_timestamp() and ended_at is null
  `);
  return rowCount;
};
