import { DatabaseSync } from 'node:sqlite';

type Payload = Record<string, unknown>;

/**
 * Where the demo's identity provider keeps sessions, grants and refresh tokens, so that a person stays signed in over a
 * restart. The methods are those that oidc-provider asks of an adapter.
 */
export function openStore(file: string): { adapter: (model: string) => object; close(): void } {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS item (model TEXT, id TEXT, payload TEXT NOT NULL, expires INTEGER, PRIMARY KEY (model, id)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS item_grant ON item (payload ->> 'grantId');
    CREATE INDEX IF NOT EXISTS item_uid ON item (model, payload ->> 'uid');
    CREATE INDEX IF NOT EXISTS item_code ON item (model, payload ->> 'userCode');`);
  const put = db.prepare('INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?)');
  const get = db.prepare('SELECT payload FROM item WHERE model = ? AND id = ?');
  const byUid = db.prepare("SELECT payload FROM item WHERE model = ? AND payload ->> 'uid' = ?");
  const byCode = db.prepare("SELECT payload FROM item WHERE model = ? AND payload ->> 'userCode' = ?");
  const consume = db.prepare("UPDATE item SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?");
  const remove = db.prepare('DELETE FROM item WHERE model = ? AND id = ?');
  const revoke = db.prepare("DELETE FROM item WHERE payload ->> 'grantId' = ?");
  // A minute of grace: the provider tells "expired" from "unknown" by finding the item.
  const purge = db.prepare('DELETE FROM item WHERE expires < ?');
  const seconds = () => Math.floor(Date.now() / 1000);
  const parsed = (row: Payload | undefined): Payload | undefined => (row === undefined ? undefined : JSON.parse(String(row['payload'])));
  purge.run(seconds() - 60);

  const adapter = (model: string) => ({
    async upsert(id: string, payload: Payload, expiresIn?: number) {
      put.run(model, id, JSON.stringify(payload), expiresIn === undefined ? null : seconds() + expiresIn);
    },
    async find(id: string) {
      return parsed(get.get(model, id));
    },
    async findByUid(uid: string) {
      return parsed(byUid.get(model, uid));
    },
    async findByUserCode(code: string) {
      return parsed(byCode.get(model, code));
    },
    async consume(id: string) {
      consume.run(seconds(), model, id);
    },
    async destroy(id: string) {
      remove.run(model, id);
    },
    async revokeByGrantId(grantId: string) {
      revoke.run(grantId);
    },
  });
  return { adapter, close: () => void (db.isOpen && db.close()) };
}
