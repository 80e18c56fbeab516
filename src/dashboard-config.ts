import { resolve } from 'node:path';
import { z } from 'zod/v4';
import { hostAndPort, hosts } from './config-values';

/** The page: where it is, who may act, what it links to. */
export interface DashboardConfig {
  /** host:port */
  readonly address: string;
  readonly isAddressGiven: boolean;
  /** Names that it is reached by, beside addresses and localhost. */
  readonly hosts: readonly string[];
  /** The operator's; undefined: the page only reads. */
  readonly token?: string | undefined;
  /** Where files that are uploaded wait for their load. */
  readonly uploadDir: string;
  readonly temporalUiUrl?: string | undefined;
}

export const dashboardVariables = {
  STRATA_DASHBOARD_ADDRESS: hostAndPort.optional(),
  STRATA_DASHBOARD_HOSTS: hosts.optional(),
  STRATA_DASHBOARD_TOKEN: z
    .string()
    .regex(/^[\w.~+/=-]{16,200}$/, 'must be 16 to 200 letters, digits and _ . ~ + / = -')
    .optional(),
  STRATA_UPLOAD_DIR: z
    .string()
    .transform((path) => resolve(path))
    .optional(),
  STRATA_TEMPORAL_UI_URL: z
    .string()
    .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), 'must be an http(s) URL')
    .optional(),
};

export const dashboardConfig = (
  given: z.infer<z.ZodObject<typeof dashboardVariables>>,
  stateDir: string,
): DashboardConfig => ({
  address: given.STRATA_DASHBOARD_ADDRESS ?? '127.0.0.1:8234',
  isAddressGiven: given.STRATA_DASHBOARD_ADDRESS !== undefined,
  hosts: given.STRATA_DASHBOARD_HOSTS ?? [],
  token: given.STRATA_DASHBOARD_TOKEN,
  uploadDir: given.STRATA_UPLOAD_DIR ?? resolve(stateDir, 'uploads'),
  temporalUiUrl: given.STRATA_TEMPORAL_UI_URL,
});
