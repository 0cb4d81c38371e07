import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const cookieName = 'gatehouse_session';
const keyHeader = 'x-gatehouse-key';

/** 256 bits; printed once in the window's URL, in the fragment, which browsers send to nobody. */
export function launchToken(): string {
  return randomBytes(32).toString('base64url');
}

export interface Sessions {
  /** Cookie and key for one who knows the launch token, else undefined. The token stays good while the host runs: a second browser may use it. */
  exchange(token: unknown): { cookie: string; key: string } | undefined;
  /** Whether the request brings the cookie and the key that belongs to it. */
  has(request: IncomingMessage): boolean;
}

/**
 * A session is an id and its MAC under the launch token. Nothing is stored, so nothing fills up; and a host that its supervisor restarts with
 * the same token still knows its windows. Cookies know no ports: a browser shows ours to every web server on this machine that its person
 * visits. So the cookie alone opens nothing; the key beside it lies in the window's own storage, which no page of another port can read.
 */
export function openSessions(token: string): Sessions {
  const mac = (id: string, purpose = 'session') => createHmac('sha256', token).update(`${purpose}/${id}`).digest('base64url');
  return {
    exchange(offered) {
      if (typeof offered !== 'string' || !equal(offered, token)) return undefined;
      const id = randomBytes(16).toString('base64url');
      return { cookie: `${cookieName}=${id}.${mac(id)}; HttpOnly; SameSite=Strict; Path=/`, key: mac(id, 'key') };
    },
    has(request) {
      const key = keyOf(request);
      if (key === undefined) return false;
      const values = (request.headers.cookie ?? '').split(';').flatMap((part) => {
        const [name, value] = part.trim().split('=', 2);
        return name === cookieName && value !== undefined ? [value] : [];
      });
      return values.some((value) => {
        const [id, presentedMac] = value.split('.', 2);
        return id !== undefined && presentedMac !== undefined && equal(presentedMac, mac(id)) && equal(key, mac(id, 'key'));
      });
    },
  };
}

/** The key from the header, or from the address of the event stream: EventSource cannot send headers of ours. */
function keyOf({ headers, url = '' }: IncomingMessage): string | undefined {
  const header = headers[keyHeader];
  if (typeof header === 'string') return header;
  const [path, query] = url.split('?', 2);
  return path === '/watch' && query !== undefined ? (new URLSearchParams(query).get('key') ?? undefined) : undefined;
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
