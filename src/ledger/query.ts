import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { Activity, Usage } from '../contract/activity.ts';
import type { CommandParsed } from '../contract/contract.ts';
import { columns, type Stored, toRecord } from './record.ts';
import { day, hour } from './rollups.ts';

export interface Today {
  calls: number;
  denied: number;
  errors: number;
  byServer: Record<string, number>;
  byAgent: Record<string, number>;
}

/** The reading side: a second, read-only connection for small bounded questions on the main thread. */
export interface Reader {
  list(filter: CommandParsed<'activity-list'>): { items: Activity[]; next?: number };
  get(seq: number): Activity | undefined;
  usage(range: Usage['range'], server: string | undefined, now: number): Usage;
  today(now: number): Today;
  close(): void;
}

const select = `SELECT seq, ${columns}, previous_hash, hash FROM records`;

// How many records one page looks at where no single index answers. Measured at about 0.3 us a record: a page stays below 20 ms.
const window = 50_000;

/** Opens the reader over a file that the writer has made ready. */
export function openReader(file: string): Reader {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  database.exec('PRAGMA trusted_schema = OFF');
  const bySeq = database.prepare(`${select} WHERE seq = ?`);
  const sums = database.prepare(
    'SELECT server, agent, sum(calls) AS calls, sum(denied) AS denied, sum(errors) AS errors FROM days WHERE at = ? GROUP BY server, agent',
  );
  const newest = database.prepare('SELECT max(seq) AS seq FROM records');
  const since = database.prepare('SELECT min(first_seq) AS seq FROM hours WHERE at >= ?');
  bySeq.setReturnArrays(true);
  return {
    list: (filter) =>
      list(database, filter, Number(newest.get()?.seq ?? 0), (from) => Number(since.get(from)?.seq ?? Number.MAX_SAFE_INTEGER)),
    get(seq) {
      const row = bySeq.get(seq);
      return row === undefined ? undefined : toRecord(row as unknown as Stored);
    },
    usage: (range, server, now) => usage(database, range, server, now),
    today: (now) => today(sums.all(Math.floor(now / day) * day) as unknown as Sum[]),
    close: () => database.close(),
  };
}

/**
 * A page, newest first. Free text, or several filters at once, have no index: such a page looks at a bounded stretch of records and may
 * come back short or empty with `next` set; the rest is asked for as any further page.
 */
function list(
  database: DatabaseSync,
  filter: CommandParsed<'activity-list'>,
  newest: number,
  firstSince: (hour: number) => number,
): { items: Activity[]; next?: number } {
  const where: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...bound: SQLInputValue[]) => {
    where.push(condition);
    values.push(...bound);
  };
  // The literal lets SQLite choose the partial indexes; the value is one of an enumeration.
  for (const [column, value] of [
    ['agent', filter.agent],
    ['server', filter.server],
    ['target', filter.tool],
    ['decision', filter.decision],
    ['outcome', filter.outcome],
  ] as const)
    if (value !== undefined) column === 'decision' || column === 'outcome' ? add(`${column} = '${value}'`) : add(`${column} = ?`, value);
  if (filter.text) {
    const pattern = `%${filter.text.replaceAll(/[\\%_]/g, '\\$&')}%`;
    const fields = ['target', 'agent', 'server', 'rule', 'reason'];
    add(`(${fields.map((field) => `${field} LIKE ? ESCAPE '\\'`).join(' OR ')})`, ...fields.map(() => pattern));
  }
  const common = filter.decision === 'allow' || filter.outcome === 'ok';
  const scans = where.length > 1 || filter.text !== undefined || common;

  let low = filter.after ?? 0;
  if (filter.since !== undefined) {
    const from = Date.parse(filter.since);
    add('at >= ?', from);
    low = Math.max(low, firstSince(Math.floor(from / hour) * hour) - 1);
  }
  const high = Math.min(filter.before ?? Number.MAX_SAFE_INTEGER, newest + 1);
  const floor = scans ? Math.max(low, high - 1 - window) : low;
  const condition = ['seq > ?', 'seq < ?', ...where].join(' AND ');
  const statement = database.prepare(`${select} WHERE ${condition} ORDER BY seq DESC LIMIT ?`);
  statement.setReturnArrays(true);
  const rows = statement.all(floor, high, ...values, filter.limit + 1) as unknown as Stored[];
  const items = rows.slice(0, filter.limit).map(toRecord);
  if (rows.length > filter.limit) return { items, next: items[items.length - 1]!.seq };
  return floor > low ? { items, next: floor + 1 } : { items };
}

function usage(database: DatabaseSync, range: Usage['range'], server: string | undefined, now: number): Usage {
  const [table, size, length] = ({ day: ['hours', hour, 24], week: ['days', day, 7], month: ['days', day, 30] } as const)[range];
  const from = Math.floor(now / size) * size - (length - 1) * size;
  const where = `FROM ${table} WHERE at >= ? AND at <= ?${server === undefined ? '' : ' AND server = ?'}`;
  const values = [from, now, ...(server === undefined ? [] : [server])];
  const all = (sql: string) => database.prepare(sql).all(...values) as Record<string, string | number>[];
  const rowsByTime = new Map(
    all(`SELECT at, sum(calls) AS calls, sum(denied) AS denied, sum(errors) AS errors ${where} GROUP BY at`).map((row) => [
      Number(row.at),
      row,
    ]),
  );
  const buckets = Array.from({ length }, (_, index) => {
    const at = from + index * size;
    const row = rowsByTime.get(at);
    return {
      at: new Date(at).toISOString(),
      calls: Number(row?.calls ?? 0),
      denied: Number(row?.denied ?? 0),
      errors: Number(row?.errors ?? 0),
    };
  });
  const order = 'HAVING sum(calls) > 0 ORDER BY calls DESC';
  return {
    range,
    buckets,
    byTool: all(
      `SELECT server, tool, sum(calls) AS calls, sum(denied) AS denied ${where} AND tool <> '' GROUP BY server, tool ${order}, server, tool LIMIT 50`,
    ).map((row) => ({ server: String(row.server), tool: String(row.tool), calls: Number(row.calls), denied: Number(row.denied) })),
    byAgent: all(`SELECT agent, sum(calls) AS calls ${where} GROUP BY agent ${order}, agent LIMIT 50`).map((row) => ({
      agent: String(row.agent),
      calls: Number(row.calls),
    })),
  };
}

interface Sum {
  server: string;
  agent: string;
  calls: number;
  denied: number;
  errors: number;
}

function today(sums: Sum[]): Today {
  const total = { calls: 0, denied: 0, errors: 0 };
  // Names come from outside: a Map on the way, so that `__proto__` is a name like any other.
  const byServer = new Map<string, number>();
  const byAgent = new Map<string, number>();
  for (const sum of sums) {
    if (sum.calls === 0) continue;
    total.calls += sum.calls;
    total.denied += sum.denied;
    total.errors += sum.errors;
    byServer.set(sum.server, (byServer.get(sum.server) ?? 0) + sum.calls);
    byAgent.set(sum.agent, (byAgent.get(sum.agent) ?? 0) + sum.calls);
  }
  return { ...total, byServer: Object.fromEntries(byServer), byAgent: Object.fromEntries(byAgent) };
}
