import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { perRequestSite, refusal, type Site, structured } from './site.ts';

const customerSchema = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string(),
  phone: z.string(),
  company: z.string(),
  card: z.string(),
  iban: z.string(),
  notes: z.string(),
});
type Customer = z.infer<typeof customerSchema>;

// Invented people. Card numbers and IBANs are the published test values of card schemes and banks.
const people: Omit<Customer, 'id'>[] = [
  person('Ada Brandt', 'ada.brandt@northwind.example', '+49 30 5550101', 'Northwind', '4111 1111 1111 1111', 'DE89370400440532013000'),
  person('Luc Moreau', 'luc.moreau@fabrikam.example', '+33 1 5550 0102', 'Fabrikam', '5555 5555 5555 4444', 'FR1420041010050500013M02606'),
  person('Grace Okafor', 'grace.okafor@contoso.example', '+44 20 7946 0103', 'Contoso', '3782 822463 10005', 'GB82WEST12345698765432'),
  person('Mateo Ruiz', 'mateo.ruiz@tailspin.example', '+34 91 555 0104', 'Tailspin', '4111 1111 1111 1111', 'ES9121000418450200051332'),
  person('Yuki Tanaka', 'yuki.tanaka@adatum.example', '+81 3 5550 0105', 'Adatum', '3530 1113 3330 0000', 'NL91ABNA0417164300'),
  person('Ingrid Solberg', 'ingrid.solberg@northwind.example', '+47 22 55 01 06', 'Northwind', '4111 1111 1111 1111', 'NO9386011117947'),
];

function person(name: string, email: string, phone: string, company: string, card: string, iban: string): Omit<Customer, 'id'> {
  return { name, email, phone, company, card, iban, notes: `Prefers to be reached by e-mail (${email}).` };
}

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const searchInput = z.object({ query: z.string().min(1) });
const idInput = z.object({ id: z.string().describe('For example C-1') });
const updateInput = z.object({
  id: z.string(),
  email: z.email().optional(),
  phone: z.string().optional(),
  company: z.string().optional(),
  notes: z.string().optional(),
});
const exportInput = z.object({ format: z.enum(['csv', 'json']) });
const searchOutput = z.object({ customers: z.array(customerSchema.pick({ id: true, name: true, company: true, email: true })) });

/** Customer records full of (invented) personal data, to show rules about personal data. Both eras. */
export function openCrm(): Site {
  const customers = new Map(people.map((customer, index) => [`C-${index + 1}`, { id: `C-${index + 1}`, ...customer }]));
  const missing = (id: string) => refusal(`There is no customer ${id}. Search for a name or company first.`);
  return perRequestSite(() => {
    const server = new McpServer({ name: 'crm', title: 'Customer records', version: '1.0.0' });
    server.registerTool(
      'search_customers',
      {
        title: 'Search customers',
        description: 'Finds customers whose name, company or e-mail address contains the query.',
        inputSchema: searchInput,
        outputSchema: searchOutput,
        annotations: reads,
      },
      ({ query }) => {
        const wanted = query.toLowerCase();
        const matches = [...customers.values()].filter((customer) =>
          `${customer.name} ${customer.company} ${customer.email}`.toLowerCase().includes(wanted),
        );
        return structured({ customers: matches.map(({ id, name, company, email }) => ({ id, name, company, email })) });
      },
    );
    server.registerTool(
      'get_customer',
      {
        title: 'Read a customer',
        description: 'The whole record of one customer, personal data included.',
        inputSchema: idInput,
        annotations: reads,
      },
      ({ id }) => {
        const customer = customers.get(id);
        return customer ? structured(customer) : missing(id);
      },
    );
    server.registerTool(
      'update_customer',
      {
        title: 'Change a customer',
        description: 'Overwrites the given fields of a customer record.',
        inputSchema: updateInput,
        outputSchema: customerSchema,
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
      },
      ({ id, ...fields }) => {
        const customer = customers.get(id);
        return customer ? structured(Object.assign(customer, fields)) : missing(id);
      },
    );
    server.registerTool(
      'export_customers',
      {
        title: 'Export all customers',
        description: 'Every customer record in one file.',
        inputSchema: exportInput,
        annotations: { ...reads, openWorldHint: true },
      },
      ({ format }) => {
        const all = [...customers.values()];
        return { content: [{ type: 'text', text: format === 'json' ? JSON.stringify(all) : csv(all) }] };
      },
    );
    return server;
  });
}

function csv(all: Customer[]): string {
  const columns = Object.keys(customerSchema.shape) as (keyof Customer)[];
  const rows = all.map((customer) => columns.map((column) => `"${customer[column].replaceAll('"', '""')}"`).join(','));
  return [columns.join(','), ...rows].join('\r\n');
}
