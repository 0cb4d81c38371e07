import type { DatabaseSync } from 'node:sqlite';
import { notePrefix, type Row } from './record.ts';

export const hour = 3_600_000;
export const day = 24 * hour;

export interface RollUps {
  /** To be called inside the transaction that inserts the rows. */
  add(firstSeq: number, rows: readonly Row[]): void;
}

interface Sum {
  at: number;
  server: string;
  tool: string;
  agent: string;
  calls: number;
  denied: number;
  errors: number;
  firstSeq: number;
}

/** Sums per hour and per day (UTC) by server, tool and agent, so that charts never scan the records. A denial counts as denied, not as an error too. */
export function openRollUps(database: DatabaseSync): RollUps {
  const [hours, days] = tables.map(({ name }) =>
    database.prepare(
      `INSERT INTO ${name} (at, server, tool, agent, calls, denied, errors, first_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, denied = denied + excluded.denied, errors = errors + excluded.errors`,
    ),
  );
  return {
    add(firstSeq, rows) {
      const sums = new Map<string, Sum>();
      for (const [index, row] of rows.entries()) count(sums, row, firstSeq + index, hour);
      for (const { at, server, tool, agent, calls, denied, errors, firstSeq: first } of sums.values()) {
        hours!.run(at, server, tool, agent, calls, denied, errors, first);
        days!.run(Math.floor(at / day) * day, server, tool, agent, calls, denied, errors, first);
      }
    },
  };
}

/** The same sums from the records alone: the tables are drawn from them, so they prove nothing by themselves. */
export interface Recount {
  add(row: Row, seq: number): void;
  /** Where a table differs from these sums. To be called when all records were added. */
  differing(database: DatabaseSync): { seq: number; message: string } | undefined;
}

export function openRecount(): Recount {
  const counted = tables.map((table) => ({ ...table, sums: new Map<string, Sum>() }));
  return {
    add(row, seq) {
      for (const { sums, size } of counted) count(sums, row, seq, size);
    },
    differing(database) {
      for (const { name, sums } of counted) {
        let same = 0;
        const statement = database.prepare(`SELECT at, server, tool, agent, calls, denied, errors, first_seq AS firstSeq FROM ${name}`);
        for (const row of statement.iterate() as Iterable<unknown>) {
          const stored = row as Sum;
          const sum = sums.get(keyOf(stored));
          if (sum === undefined || numbers.some((column) => sum[column] !== stored[column])) return wrong(sum ?? stored);
          same++;
        }
        if (same === sums.size) continue;
        const there = database.prepare(`SELECT 1 FROM ${name} WHERE at = ? AND server = ? AND tool = ? AND agent = ?`);
        for (const sum of sums.values()) if (there.get(sum.at, sum.server, sum.tool, sum.agent) === undefined) return wrong(sum);
      }
      return undefined;
    },
  };
}

const tables = [
  { name: 'hours', size: hour },
  { name: 'days', size: day },
] as const;
const numbers = ['calls', 'denied', 'errors', 'firstSeq'] as const;

function wrong({ at, server, firstSeq }: Sum): { seq: number; message: string } {
  // An edited time may be out of range.
  const when = Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at);
  const message = `The counts of ${server || 'no server'} from ${when} on were changed: the charts do not show what the records add up to. The records are whole.`;
  return { seq: firstSeq, message };
}

/** Only tools are charted one by one: the number of resource URIs has no bound. */
function count(sums: Map<string, Sum>, row: Row, seq: number, size: number): void {
  const group = { at: Math.floor(row[0] / size) * size, server: row[3], tool: row[4] === 'tools/call' ? row[5] : '', agent: row[2] };
  const key = keyOf(group);
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = { ...group, calls: 0, denied: 0, errors: 0, firstSeq: seq }));
  if (row[4].startsWith(notePrefix)) return;
  sum.calls++;
  if (row[6] === 'deny') sum.denied++;
  else if (row[10] === 'error') sum.errors++;
}

const keyOf = ({ at, server, tool, agent }: Pick<Sum, 'at' | 'server' | 'tool' | 'agent'>): string =>
  JSON.stringify([at, server, tool, agent]);
