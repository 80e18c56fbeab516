import type { Client } from '@temporalio/client';
import type { DatabasePool } from 'slonik';
import type { Config } from '../config';
import type { Logger } from '../observability/logger';
import type { AnswerCache } from './answer-cache';
import type { EventHub } from './event-hub';
import type { DashboardProject } from './project';

/** What the routes are made of. */
export interface DashboardDeps {
  readonly config: Config;
  readonly warehouse: string;
  readonly databaseUuid: string;
  /** Reads as the role reader. */
  readonly reader: DatabasePool;
  /** Acts as the login: only for who has the operator's token. */
  readonly login: DatabasePool;
  readonly client: Client;
  readonly project: DashboardProject;
  readonly hub: EventHub;
  readonly cache: AnswerCache;
  readonly logger: Logger;
  /** Undefined: nobody may act. */
  readonly token: string | undefined;
  /** Where files that are uploaded wait for their load. */
  readonly uploadDir: string;
  readonly temporalUiUrl: string | undefined;
  /** Whether changes are heard of: without, answers are not kept. */
  readonly isListening: () => boolean;
}
