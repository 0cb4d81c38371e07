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
  const [hours, days] = ['hours', 'days'].map((table) =>
    database.prepare(
      `INSERT INTO ${table} (at, server, tool, agent, calls, denied, errors, first_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, denied = denied + excluded.denied, errors = errors + excluded.errors`,
    ),
  );
  return {
    add(firstSeq, rows) {
      const sums = new Map<string, Sum>();
      for (const [index, row] of rows.entries()) {
        const sum = find(sums, row, firstSeq + index);
        if (row[4].startsWith(notePrefix)) continue;
        sum.calls++;
        if (row[6] === 'deny') sum.denied++;
        else if (row[10] === 'error') sum.errors++;
      }
      for (const { at, server, tool, agent, calls, denied, errors, firstSeq: first } of sums.values()) {
        hours!.run(at, server, tool, agent, calls, denied, errors, first);
        days!.run(Math.floor(at / day) * day, server, tool, agent, calls, denied, errors, first);
      }
    },
  };
}

function find(sums: Map<string, Sum>, row: Row, seq: number): Sum {
  const at = Math.floor(row[0] / hour) * hour;
  // Only tools are charted one by one: the URIs of resources have no end.
  const tool = row[4] === 'tools/call' ? row[5] : '';
  const key = JSON.stringify([at, row[3], tool, row[2]]);
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = { at, server: row[3], tool, agent: row[2], calls: 0, denied: 0, errors: 0, firstSeq: seq }));
  return sum;
}
