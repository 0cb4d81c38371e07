import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { perRequestSite, refusal, type Site, structured } from './site.ts';

const runSchema = z.object({
  id: z.string(),
  month: z.string(),
  employees: z.int(),
  total: z.number(),
  currency: z.literal('EUR'),
  status: z.enum(['draft', 'approved', 'paid']),
});
type Run = z.infer<typeof runSchema>;

const salaries: Record<string, number> = { 'E-1': 4200, 'E-2': 5150, 'E-3': 3875, 'E-4': 6900 };

function seed(): Map<string, Run> {
  const total = Object.values(salaries).reduce((sum, salary) => sum + salary, 0);
  const months: [string, Run['status']][] = [
    ['2026-09', 'paid'],
    ['2026-10', 'approved'],
    ['2026-11', 'draft'],
  ];
  return new Map(
    months.map(([month, status]) => [
      `R-${month}`,
      { id: `R-${month}`, month, employees: Object.keys(salaries).length, total, currency: 'EUR', status },
    ]),
  );
}

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const nothing = z.object({});
const slipInput = z.object({ employee: z.string().describe('For example E-1'), month: z.string().regex(/^\d{4}-\d{2}$/) });
const approveInput = z.object({ id: z.string().describe('For example R-2026-11') });
const listOutput = z.object({ runs: z.array(runSchema) });
const slipOutput = z.object({
  employee: z.string(),
  month: z.string(),
  gross: z.number(),
  tax: z.number(),
  net: z.number(),
  currency: z.literal('EUR'),
});

/** Salaries: a server that only one group may even see. Both eras. */
export function openPayroll(): Site {
  const runs = seed();
  return perRequestSite(() => {
    const server = new McpServer({ name: 'payroll', title: 'Payroll', version: '1.0.0' });
    server.registerTool(
      'list_runs',
      {
        title: 'List payroll runs',
        description: 'All payroll runs with their totals.',
        inputSchema: nothing,
        outputSchema: listOutput,
        annotations: reads,
      },
      () => structured({ runs: [...runs.values()] }),
    );
    server.registerTool(
      'get_payslip',
      {
        title: 'Read a payslip',
        description: 'What one employee earned in one month.',
        inputSchema: slipInput,
        outputSchema: slipOutput,
        annotations: reads,
      },
      ({ employee, month }) => {
        const gross = salaries[employee];
        if (gross === undefined || !runs.has(`R-${month}`)) return refusal(`There is no payslip of ${employee} for ${month}.`);
        const tax = Math.round(gross * 31) / 100;
        return structured({ employee, month, gross, tax, net: gross - tax, currency: 'EUR' });
      },
    );
    server.registerTool(
      'approve_run',
      {
        title: 'Approve a payroll run',
        description: 'Releases a drafted payroll run for payment. This cannot be undone.',
        inputSchema: approveInput,
        outputSchema: runSchema,
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
      },
      ({ id }) => {
        const run = runs.get(id);
        if (!run) return refusal(`There is no payroll run ${id}.`);
        if (run.status === 'draft') run.status = 'approved';
        return structured(run);
      },
    );
    return server;
  });
}
