import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import canonicalize from 'canonicalize';
import { serverEntry } from '../../bundle/schema.ts';
import type { CompiledCompany } from '../content/compile.ts';

/** The content that bundles are made of, and its number. */
export interface Published {
  version: number;
  company: CompiledCompany;
}
export interface RegistryTimes {
  publishedAt: string;
  updatedAt: string;
}

const schema = `
  CREATE TABLE IF NOT EXISTS content (version INTEGER PRIMARY KEY, hash TEXT NOT NULL, json TEXT NOT NULL, at TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS registry (name TEXT PRIMARY KEY, hash TEXT NOT NULL, published_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS ledger (
    device TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, previous_hash TEXT NOT NULL, uploaded_by TEXT NOT NULL,
    received_at TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (device, seq, hash)) STRICT;
  CREATE INDEX IF NOT EXISTS ledger_by_device ON ledger (device);
  CREATE TABLE IF NOT EXISTS receipts (
    person TEXT NOT NULL, device TEXT NOT NULL, version INTEGER NOT NULL, at TEXT NOT NULL, received_at TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (person, device, version)) STRICT;
  CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, received_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS requests_by_person ON requests (person, status);
`;

/**
 * Who signed in on which device, where its chain ends, and what was odd about it. From older data, a person is enrolled if the device signed a
 * receipt for them; an upload in the device's name is not enough.
 */
const bound = `
  CREATE TABLE enrolled (device TEXT NOT NULL, person TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (device, person)) STRICT;
  CREATE TABLE heads (device TEXT PRIMARY KEY, chain TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, counter INTEGER NOT NULL) STRICT;
  CREATE TABLE incidents (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, kind TEXT NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, uploaded_by TEXT NOT NULL,
    at TEXT NOT NULL, message TEXT NOT NULL, UNIQUE (device, kind, seq, hash)) STRICT;
  INSERT INTO enrolled SELECT device, person, min(received_at) FROM receipts GROUP BY device, person;
  INSERT INTO heads SELECT device, '', seq, hash, 1 FROM ledger WHERE rowid IN (SELECT max(rowid) FROM ledger GROUP BY device);
`;

/** `person`: the person that a record counts for, if they were enrolled on the device by then; null: nobody. The person in `record` is only a claim. */
const counted = `
  ALTER TABLE ledger ADD COLUMN person TEXT;
  UPDATE ledger SET person = record ->> '$.person'
    WHERE EXISTS (SELECT 1 FROM enrolled WHERE enrolled.device = ledger.device AND enrolled.person = record ->> '$.person');
`;

/** The central API's database. Opened once, and used by everything else. */
export class CentralStore {
  readonly database: DatabaseSync;
  constructor(dataDir: string) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = join(dataDir, 'central.sqlite');
    this.database = new DatabaseSync(file, { timeout: 5000 });
    chmodSync(file, 0o600);
    this.database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    this.database.exec(schema);
    const { user_version: version } = this.database.prepare('PRAGMA user_version').get() as { user_version: number };
    const steps = [bound, counted].slice(version);
    if (steps.length > 0) this.transaction(() => this.database.exec(`${steps.join('')} PRAGMA user_version = 2;`));
  }

  /** This person proved to use this device. */
  enrol(device: string, person: string, now: string): void {
    this.database.prepare('INSERT OR IGNORE INTO enrolled (device, person, at) VALUES (?, ?, ?)').run(device, person, now);
  }

  /** The last good content; it outlives restarts. Parsing adds the fields that entries from an earlier version lack. */
  lastPublished(): Published | undefined {
    const row = this.database.prepare('SELECT version, json FROM content ORDER BY version DESC LIMIT 1').get();
    if (!row) return undefined;
    const company = JSON.parse(row['json'] as string) as CompiledCompany;
    return {
      version: row['version'] as number,
      company: { ...company, servers: company.servers.map((server) => serverEntry.parse(server)) },
    };
  }

  /** INVARIANT: versions only grow, and the same content keeps its version: a restart alone must not make 50,000 apps fetch anew. */
  publish(company: CompiledCompany, at: string): Published & { changed: boolean } {
    const hash = hashOf(company);
    const last = this.database.prepare('SELECT version, hash FROM content ORDER BY version DESC LIMIT 1').get();
    if (last?.['hash'] === hash && (last['version'] as number) >= company.minimumBundleVersion) {
      return { version: last['version'] as number, company, changed: false };
    }
    const version = Math.max(((last?.['version'] as number | undefined) ?? 0) + 1, company.minimumBundleVersion);
    this.transaction(() => {
      this.database
        .prepare('INSERT INTO content (version, hash, json, at) VALUES (?, ?, ?, ?)')
        .run(version, hash, JSON.stringify(company), at);
      // The text of old versions is of no use to anybody; the numbers and hashes tell the history.
      this.database.prepare(`UPDATE content SET json = '{}' WHERE version < ?`).run(version - 5);
      for (const server of Object.values(company.registry)) {
        this.database
          .prepare(
            `INSERT INTO registry (name, hash, published_at, updated_at) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, updated_at = excluded.updated_at WHERE hash <> excluded.hash`,
          )
          .run(String(server['name']), hashOf(server), at, at);
      }
    });
    return { version, company, changed: true };
  }

  registryTimes(): Map<string, RegistryTimes> {
    const rows = this.database.prepare('SELECT name, published_at, updated_at FROM registry').all();
    return new Map(
      rows.map(
        (row) => [row['name'] as string, { publishedAt: row['published_at'] as string, updatedAt: row['updated_at'] as string }] as const,
      ),
    );
  }

  /** "Device D applied version N at T": one row each, however often it is said. */
  addReceipt(person: string, receipt: { device: string; version: number; at: string }, body: unknown, now: string): void {
    this.database
      .prepare('INSERT OR IGNORE INTO receipts (person, device, version, at, received_at, body) VALUES (?, ?, ?, ?, ?, ?)')
      .run(person, receipt.device, receipt.version, receipt.at, now, JSON.stringify(body));
  }

  /** Undefined where the person has `most` open requests already. */
  addRequest(person: string, kind: string, body: unknown, now: string, most: number): string | undefined {
    const open = this.database.prepare(`SELECT count(*) AS open FROM requests WHERE person = ? AND status = 'open'`).get(person)!;
    if ((open['open'] as number) >= most) return undefined;
    const id = randomUUID();
    this.database
      .prepare(`INSERT INTO requests (id, person, kind, status, received_at, body) VALUES (?, ?, ?, 'open', ?, ?)`)
      .run(id, person, kind, now, JSON.stringify(body));
    return id;
  }

  transaction<T>(work: () => T): T {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const value = work();
      this.database.exec('COMMIT');
      return value;
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.database.close();
  }
}

const hashOf = (value: unknown) =>
  createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest('base64url');
