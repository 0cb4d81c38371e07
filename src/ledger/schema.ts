import type { DatabaseSync } from 'node:sqlite';
import { Failure } from '../base/errors.ts';

// Numbered by position: never change one that was released, append.
const migrations: readonly string[] = [
  `
  CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL, person TEXT NOT NULL, agent TEXT NOT NULL, server TEXT NOT NULL, method TEXT NOT NULL, target TEXT NOT NULL,
    decision TEXT NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL, bundle_version INTEGER NOT NULL,
    outcome TEXT NOT NULL, error TEXT, total_ms REAL NOT NULL, upstream_ms REAL NOT NULL,
    request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL, argument_hash TEXT NOT NULL, session TEXT,
    previous_hash TEXT NOT NULL, hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX records_agent ON records (agent);
  CREATE INDEX records_server ON records (server);
  CREATE INDEX records_target ON records (target);
  CREATE INDEX records_refused ON records (decision) WHERE decision <> 'allow';
  CREATE INDEX records_failed ON records (outcome) WHERE outcome = 'error';

  CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    chain TEXT NOT NULL, first_seq INTEGER NOT NULL, records INTEGER NOT NULL, seq INTEGER NOT NULL, hash TEXT NOT NULL, seal TEXT
  ) STRICT;
  CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;

  CREATE TABLE hours (
    at INTEGER NOT NULL, server TEXT NOT NULL, tool TEXT NOT NULL, agent TEXT NOT NULL,
    calls INTEGER NOT NULL, denied INTEGER NOT NULL, errors INTEGER NOT NULL, first_seq INTEGER NOT NULL,
    PRIMARY KEY (at, server, tool, agent)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE days (
    at INTEGER NOT NULL, server TEXT NOT NULL, tool TEXT NOT NULL, agent TEXT NOT NULL,
    calls INTEGER NOT NULL, denied INTEGER NOT NULL, errors INTEGER NOT NULL, first_seq INTEGER NOT NULL,
    PRIMARY KEY (at, server, tool, agent)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** Brings the file to the newest schema, one transaction a step. A file of a newer Gatehouse is refused, never guessed at. */
export function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > migrations.length)
    throw new Failure(
      'conflict',
      `The ledger was written by a newer Gatehouse (schema ${version}, this one knows ${migrations.length}).`,
      'Install the newer version again, or move the ledger file away to begin a new one.',
    );
  for (let step = version; step < migrations.length; step++) {
    database.exec(`BEGIN IMMEDIATE; ${migrations[step]}; PRAGMA user_version = ${step + 1}; COMMIT`);
  }
}

/** Triggers and views have no business here: one could delete what we write, so verification names them. */
export function foreignObject(database: DatabaseSync): string | undefined {
  const object = database.prepare("SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'view') LIMIT 1").get();
  return object === undefined ? undefined : `${object.type} ${object.name}`;
}
