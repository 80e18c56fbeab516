import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSchedules, SCHEDULES_FILE } from '../compiler/schedules';
import type { DeclaredSchedule } from '../domain/schedule-kinds';

/** The schedules that a project declares; undefined where it has no file of them. @throws PROJECT_INVALID */
export const readSchedules = async (projectDir: string): Promise<DeclaredSchedule[] | undefined> => {
  let text: string;
  try {
    text = await readFile(join(projectDir, SCHEDULES_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parseSchedules({ path: SCHEDULES_FILE, text: text.replace(/^\uFEFF/, '') });
};
