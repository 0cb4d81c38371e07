import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { perRequestSite, refusal, type Site, structured } from './site.ts';

/** The demo has no real secrets: its entry tells people this key. */
export const parcelsKey = 'lantern-parcels-2026';

const parcelSchema = z.object({
  id: z.string(),
  to: z.string(),
  content: z.string(),
  state: z.enum(['packed', 'on its way', 'delivered']),
});
type Parcel = z.infer<typeof parcelSchema>;

const sent: Parcel[] = [
  { id: 'P-501', to: 'Northwind, Berlin', content: '40 reading lamps', state: 'delivered' },
  { id: 'P-502', to: 'Fabrikam, Lyon', content: '12 desk lamps, 12 spare shades', state: 'on its way' },
  { id: 'P-503', to: 'Contoso, London', content: '3 prototypes of the reading lamp', state: 'packed' },
];

const reads = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true };
const trackInput = z.object({ id: z.string().describe('For example P-501') });
const pickupInput = z.object({ to: z.string().min(1), content: z.string().min(1) });
const listOutput = z.object({ parcels: z.array(parcelSchema) });

/** A carrier outside of the company, whose key each person enters for themselves. Both eras. */
export function openParcels(): Site {
  const parcels = sent.map((parcel) => ({ ...parcel }));
  return perRequestSite(() => {
    const server = new McpServer({ name: 'parcels', title: 'Parcel service', version: '1.0.0' });
    server.registerTool(
      'list_parcels',
      { title: 'List parcels', description: 'All parcels of the company, newest last.', outputSchema: listOutput, annotations: reads },
      () => structured({ parcels }),
    );
    server.registerTool(
      'track_parcel',
      {
        title: 'Track a parcel',
        description: 'Where one parcel is.',
        inputSchema: trackInput,
        outputSchema: parcelSchema,
        annotations: reads,
      },
      ({ id }) => {
        const parcel = parcels.find((one) => one.id === id);
        return parcel ? structured(parcel) : refusal(`There is no parcel ${id}. List them first.`);
      },
    );
    server.registerTool(
      'book_pickup',
      {
        title: 'Book a pickup',
        description: 'Has the carrier fetch one more parcel.',
        inputSchema: pickupInput,
        outputSchema: parcelSchema,
        annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
      },
      ({ to, content }) => {
        const parcel: Parcel = { id: `P-${501 + parcels.length}`, to, content, state: 'packed' };
        parcels.push(parcel);
        return structured(parcel);
      },
    );
    return server;
  });
}
