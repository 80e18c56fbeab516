import type { DeclaredSchedule, ScheduleVariable } from '../domain/schedule-kinds';
import type { Config } from '../config';
import { readSchedules } from '../project/read-schedules';
import type { ScheduleTarget } from '../temporal/schedule-options';

/** An embedded server is off at night: what was missed is not made up for at each start. */
const EMBEDDED_CATCHUP_MS = 60_000;

export interface DeclaredHere {
  readonly schedules: readonly DeclaredSchedule[];
  /** Whether there is a file of them at all: without one nothing is said of what exists. */
  readonly hasFile: boolean;
  /** Declared, and not for where this command runs. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly target: ScheduleTarget;
}

/** What the project's file of schedules means for the configured warehouse. @throws PROJECT_INVALID */
export const declaredSchedules = async ({
  projectDir,
  warehouse,
  inbox,
  archive,
  temporal,
}: Config): Promise<DeclaredHere> => {
  const declared = await readSchedules(projectDir);
  const all = declared ?? [];
  const values: Readonly<Record<ScheduleVariable, string | undefined>> = {
    STRATA_INBOX: inbox,
    STRATA_ARCHIVE: archive,
  };
  const isLeftOut = ({ onlyIf }: DeclaredSchedule): boolean =>
    onlyIf !== undefined && values[onlyIf] === undefined;
  return {
    hasFile: declared !== undefined,
    schedules: all.filter((schedule) => !isLeftOut(schedule)),
    leftOut: all.filter(isLeftOut).map(({ name, onlyIf = '' }) => ({ name, why: `${onlyIf} is not set` })),
    target: {
      warehouse,
      ...(temporal.address === undefined ? { catchupAtMostMs: EMBEDDED_CATCHUP_MS } : {}),
    },
  };
};
