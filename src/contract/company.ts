import { z } from 'zod';
import { server, tool } from './fields.ts';

/** The sign-in, the company's rules, and what is asked of the company. */
export const companyCommands = {
  /** Starts a sign-in. `browser`: opens the system browser; `device`: RFC 8628, for machines without one. */
  'sign-in': z.strictObject({ method: z.enum(['browser', 'device']).default('browser') }),
  'sign-in-cancel': z.strictObject({}),
  'sign-out': z.strictObject({}),
  'bundle-refresh': z.strictObject({}),
  'access-request': z.strictObject({ server, tool: tool.optional(), reason: z.string().min(1).max(2000) }),
};

export interface CompanyOutputs {
  'sign-in': { url?: string; userCode?: string };
  'sign-in-cancel': Record<string, never>;
  /** `logoutUrl`: the IdP's end-session page, where it has one. */
  'sign-out': { logoutUrl?: string };
  'bundle-refresh': { version?: number };
  'access-request': { id: string };
}

export interface Person {
  sub: string;
  name?: string;
  email?: string;
  groups: string[];
}
