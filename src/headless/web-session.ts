import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const cookieName = 'gatehouse_session';

/** 256 bits; printed once in the window's URL, in the fragment, which browsers send to nobody. */
export function launchToken(): string {
  return randomBytes(32).toString('base64url');
}

export interface Sessions {
  /** The cookie for one who knows the launch token, else undefined. The token stays good while the host runs: a second browser may use it. */
  exchange(token: unknown): string | undefined;
  has(request: IncomingMessage): boolean;
}

/**
 * A session is an id and its MAC under the launch token. Nothing is stored, so nothing fills up; and a host that its supervisor restarts with
 * the same token still knows its windows.
 */
export function openSessions(token: string): Sessions {
  const mac = (id: string) => createHmac('sha256', token).update(`session/${id}`).digest('base64url');
  return {
    exchange(offered) {
      if (typeof offered !== 'string' || !equal(offered, token)) return undefined;
      const id = randomBytes(16).toString('base64url');
      return `${cookieName}=${id}.${mac(id)}; HttpOnly; SameSite=Strict; Path=/`;
    },
    has(request) {
      const values = (request.headers.cookie ?? '').split(';').flatMap((part) => {
        const [name, value] = part.trim().split('=', 2);
        return name === cookieName && value !== undefined ? [value] : [];
      });
      return values.some((value) => {
        const [id, given] = value.split('.', 2);
        return id !== undefined && given !== undefined && equal(given, mac(id));
      });
    },
  };
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
