import type { ServerEntry } from '../../bundle/schema.ts';
import { type Credentials, companyHeaders, type HeaderList } from './credentials.ts';

type AuthType = ServerEntry['auth']['type'];
/** For each kind of `auth` that a registry entry may state, how requests say who asks. The company's own headers are not its business. */
export type CredentialKinds = Record<Exclude<AuthType, 'none'>, Credentials>;

/** The headers of the entry, then those of its kind of `auth`. An entry of a kind that is not here gets no request: it rejects. */
export function openCredentials(kinds: CredentialKinds): Credentials {
  // The same list means that there is no other credential, so each list of a kind becomes one list here, and is found again when it is refused.
  const combined = new WeakMap<HeaderList, { company: HeaderList; list: HeaderList }>();
  const ownOf = new WeakMap<HeaderList, HeaderList>();
  const combine = (company: HeaderList, own: HeaderList): HeaderList => {
    const last = combined.get(own);
    // The next bundle may have other headers for the same entry.
    if (last?.company === company) return last.list;
    const list = [...company, ...own];
    combined.set(own, { company, list });
    ownOf.set(list, own);
    return list;
  };
  return {
    headers(entry, person, signal, refused) {
      const company = companyHeaders.headers(entry, person, signal) as HeaderList;
      const type: string = entry.auth.type;
      if (type === 'none') return company;
      const kind = (kinds as Partial<Record<string, Credentials>>)[type];
      if (!kind) return Promise.reject(new Error(`this version of Gatehouse does not know the auth type ${JSON.stringify(type)}`));
      const mine = refused && ownOf.get(refused.headers);
      const own = kind.headers(entry, person, signal, refused && mine ? { ...refused, headers: mine } : undefined);
      return 'then' in own ? own.then((headers) => combine(company, headers)) : combine(company, own);
    },
  };
}
