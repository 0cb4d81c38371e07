import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ConsentRequest } from '../../contract/consent.ts';
import type { Agents } from '../credentials/credentials.ts';
import { openCodes } from './codes.ts';
import { type CompanyWord, type From, type OwnPrograms, openCompanyWord } from './company-word.ts';
import { type Documents, type Fetching, openDocuments } from './documents.ts';
import { OAuthError } from './errors.ts';
import { agentName, type Client } from './metadata.ts';
import { openPipes, type Pipes } from './pipes.ts';
import { perMinute } from './rate.ts';
import { matchRedirect, pipe, redirectWith } from './redirects.ts';
import { openRegistrations, type Registrations } from './registrations.ts';
import { type Asked, consentMs, isCalled, type Limits, openRequests, type Pending } from './requests.ts';
import { type Answer, one, openTokenEndpoint } from './token-endpoint.ts';
import { allowedInWords, deniedInWords, expiredInWords } from './words.ts';

/** The authorization server on loopback: agents sign in by themselves, and the person allows each in the window or on the command line. */
export interface Authorization {
  /** RFC 7591 */
  register(metadata: unknown): Answer;
  /**
   * RFC 6749 section 4.1.1. `wait`: where the browser waits for the person. `refused`: a sentence for the person in the browser; `to`: where the agent
   * hears it instead. `host`: as the browser was sent here. `opened`: the browser, where no page sent it.
   */
  begin(query: URLSearchParams, host: string, opened?: From): Promise<{ wait: string } | { refused: string; to?: string }>;
  /** What the waiting page shows; undefined: nothing waits there. */
  look(wait: string): { id: string } | undefined;
  /** Where the browser goes on, given out once; 'waiting': not decided yet; undefined: nothing waits there. */
  outcome(wait: string, signal: AbortSignal): Promise<{ to: string } | 'waiting' | undefined>;
  /** RFC 6749 section 3.2 */
  token(form: URLSearchParams): Answer;
  /** RFC 7009 */
  revoke(form: URLSearchParams): Answer;
  /** Programs that come over a pipe; `allow` lets them in at once. */
  readonly pipes: Pipes;
  pending(): ConsentRequest[];
  /** Throws Failure('not-found') where nothing waits under this id, Failure('conflict') where another agent has the name. */
  allow(id: string, choice: Choice): { name: string };
  deny(id: string): void;
  /** An agent was revoked: what is under way for its name is void. */
  forget(name: string): void;
  /** The person limited an agent anew: nothing that was allowed before makes that any wider. */
  limited(name: string): void;
  /** What the company says of clients, with each bundle: what a blocked one has ends at once. */
  follow(word: CompanyWord): void;
  /** There are no rules: blocks stay, and nothing else of the company's word. */
  suspend(): void;
  close(): void;
}

/** The person's word. What is left out is as before for an agent that signs in again, and otherwise without a limit. */
export interface Choice {
  name?: string | undefined;
  servers?: readonly string[] | 'all' | undefined;
  /** Milliseconds since the epoch; 0: it does not end. */
  expiresAt?: number | undefined;
}

/** Milliseconds: a request of the waiting page is answered by then. */
const pollMs = 20_000;
const asksPerMinute = 30;

export function openAuthorization(options: {
  /** Where registrations are kept. */
  file: string;
  agents: Pick<Agents, 'grants' | 'isLive' | 'list'>;
  /** The path of the address that a `resource` names (RFC 8707); undefined: it is none of ours. */
  resourceAt(resource: string): string | undefined;
  /** The path where no resource is named: agents of older revisions. */
  defaultResource: string;
  /** Names that no agent may have. */
  reserved: readonly string[];
  /** Which program listens on a port of loopback, in words; undefined: the system does not say. */
  listensAt?(address: '127.0.0.1' | '::1', port: number): Promise<string | undefined>;
  /** Absent: nobody comes in without a click. */
  own?: OwnPrograms;
  changed(): void;
  /** For the record. */
  note(reason: string): void;
  log: Log;
  now(): number;
  fetching?: Fetching;
}): Authorization {
  const { agents, now, log, reserved } = options;
  const registrations = openRegistrations({ file: options.file, now, log });
  const documents = openDocuments({ now, log, fetching: options.fetching });
  const requests = openRequests({ now, changed: options.changed, expired: (pending) => options.note(expiredInWords(pending)) });
  const codes = openCodes(now);
  const allowed = perMinute(asksPerMinute, now);
  const clients = { registrations, documents };
  const company = openCompanyWord({ requests, documents, agents, own: options.own, now, note: options.note });
  const endpoint = openTokenEndpoint({
    codes,
    clients,
    refuse: company.refuse,
    grants: agents.grants,
    resourceAt: options.resourceAt,
    log,
  });

  /**
   * The agent that signed in as this client before: the one of this name, or the first. Self-registered clients keep their id too, if they sign in again
   * with it.
   */
  const again = (client: Client, name?: string) => {
    const all = agents.list().filter((agent) => agent.revokedAt === undefined && agent.signIn?.client === client.id);
    return all.find((agent) => name !== undefined && isCalled(agent.name, name)) ?? all[0];
  };
  const isTaken = (name: string) => agents.isLive(name) || reserved.includes(name.toLowerCase());

  /** The person's last word holds, whichever of several codes an agent uses last. */
  const limit = (client: string, name: string, limits: Limits): void => {
    requests.limit(client, name, limits);
    codes.limit(client, name, limits);
  };

  const open = (id: string): Pending => {
    const pending = requests.find(id);
    if (pending) return pending;
    throw new Failure('not-found', 'No agent waits under this code.', 'It may have gone, or waited too long: let the agent sign in again.');
  };

  function allow(pending: Pending, { name, servers, expiresAt }: Choice, by = 'The person'): { name: string } {
    const before = again(pending.client, name);
    const chosen = name ?? before?.name ?? agentName(pending.client.name, isTaken);
    if (isTaken(chosen) && !(before && isCalled(chosen, before.name)))
      throw new Failure('conflict', `There is an agent named "${chosen}" already.`, 'Choose another name, or revoke that one first.');
    // A time that is over would lock out whoever is let in now.
    const kept = before?.expiresAt !== undefined && Date.parse(before.expiresAt) > now() ? before.expiresAt : undefined;
    const limits = {
      servers: servers === 'all' ? undefined : (servers ?? before?.servers),
      expiresAt: expiresAt === undefined ? kept : expiresAt === 0 ? undefined : new Date(expiresAt).toISOString(),
    };
    limit(pending.client.id, chosen, limits);
    // Nothing goes back over a browser: the program is in from now on, also where it waits no more.
    if (pending.redirect === pipe) agents.grants.admit({ name: chosen, client: pending.client.id, resource: pending.resource, ...limits });
    requests.decide(pending, { allow: true, name: chosen, ...limits });
    options.note(allowedInWords(by, pending, chosen, limits));
    return { name: chosen };
  }

  /** Throws OAuthError for what is wrong, once it is known that the redirect URI is the client's own. */
  function rest(query: URLSearchParams): Omit<Asked, 'client' | 'redirect' | 'issuer'> {
    if (one(query, 'response_type') !== 'code') throw new OAuthError('unsupported_response_type', 'The response type here is "code".');
    const challenge = one(query, 'code_challenge') ?? '';
    if (one(query, 'code_challenge_method') !== 'S256' || !/^[A-Za-z0-9_-]{43}$/.test(challenge))
      throw new OAuthError('invalid_request', 'PKCE with S256 is required.');
    const mode = one(query, 'response_mode');
    if (mode !== undefined && mode !== 'query') throw new OAuthError('invalid_request', 'The response mode here is "query".');
    const state = one(query, 'state');
    if ((state?.length ?? 0) > 4096) throw new OAuthError('invalid_request', 'The state is too long.');
    const named = query.getAll('resource');
    const paths = named.length === 0 ? [options.defaultResource] : named.map((resource) => options.resourceAt(resource));
    const resource = paths[0];
    if (resource === undefined || paths.some((path) => path !== resource))
      throw new OAuthError('invalid_target', 'The resource must be the one address of this gateway that the agent connects to.');
    return { challenge, state, resource };
  }

  /**
   * Whoever listens there now is who a browser takes the answer to. No proof: a program that waits without a browser takes it itself. A browser may take
   * either address of localhost, so another program on the second one is named, too.
   */
  async function lookUp(pending: Pending): Promise<void> {
    const { protocol, hostname, port } = new URL(pending.redirect.href);
    if (protocol !== 'http:' || port === '') return;
    const addresses = { '127.0.0.1': ['127.0.0.1'], '[::1]': ['::1'], localhost: ['127.0.0.1', '::1'] } as const;
    const programs = new Set<string>();
    for (const address of addresses[hostname as keyof typeof addresses] ?? []) {
      const program = await options.listensAt?.(address, Number(port)).catch(() => undefined);
      if (program !== undefined) programs.add(program);
    }
    if (programs.size === 0) return;
    pending.program = [...programs].join(' or ');
    options.changed();
  }

  return {
    pipes: openPipes({ requests, mayAsk: allowed, changed: options.changed, now }),
    register(metadata) {
      try {
        return { status: 201, body: registrations.register(metadata) };
      } catch (error) {
        return endpoint.failed(error);
      }
    },
    async begin(query, host, opened) {
      let asked: Pick<Asked, 'client' | 'redirect' | 'issuer'>;
      try {
        const uri = one(query, 'redirect_uri');
        if (uri === undefined) throw new OAuthError('invalid_request', 'The agent did not say where to return to.');
        const client = await findClient(clients, one(query, 'client_id'), (known) => matchRedirect(known.redirectUris, uri) !== undefined);
        const redirect = matchRedirect(client.redirectUris, uri);
        if (!redirect) throw new OAuthError('invalid_request', 'The agent wants to return to an address that it did not declare.');
        const issuer = `http://${host}`;
        // The answer to one question would be the next one, from a page of ours and so without the link that stops web pages.
        const { protocol, port } = new URL(redirect.href);
        if (protocol === 'http:' && port === new URL(issuer).port)
          throw new OAuthError('invalid_request', 'The agent wants to return to Gatehouse itself.');
        asked = { client, redirect, issuer };
      } catch (error) {
        // Never to a redirect URI that is not known to be the client's.
        return { refused: sayOrThrow(error) };
      }
      try {
        company.refuse(asked.client.id);
        const all = { ...asked, ...rest(query) };
        const approved = await company.approves(all, opened);
        const pending = allowed() ? requests.add(all) : undefined;
        if (!pending)
          throw new OAuthError('temporarily_unavailable', 'Too many agents wait to be allowed. Decide on them in Gatehouse first.');
        if (approved) allow(pending, again(pending.client) ? {} : approved, 'Without a click, the company');
        else void lookUp(pending);
        return { wait: pending.wait };
      } catch (error) {
        const refused = sayOrThrow(error);
        // To a place on the web nobody is sent without the person's word: that would make of us a way to any page.
        if (asked.redirect.reach === 'web' || !(error instanceof OAuthError)) return { refused };
        const { issuer, redirect } = asked;
        const [state] = query.getAll('state');
        return {
          refused,
          to: redirectWith(redirect, { error: error.error, error_description: error.description, state, iss: issuer }),
        };
      }
    },
    look(wait) {
      const pending = requests.waiting(wait);
      return pending && { id: pending.id };
    },
    async outcome(wait, signal) {
      const pending = requests.waiting(wait);
      if (!pending) return undefined;
      await requests.decided(pending, pollMs, signal);
      const { decision, redirect, state, issuer } = pending;
      if (decision === undefined) return requests.waiting(wait) ? 'waiting' : undefined;
      if (signal.aborted || !requests.waiting(wait)) return undefined;
      requests.drop(pending);
      if (!decision.allow)
        return {
          to: redirectWith(redirect, { error: 'access_denied', error_description: 'The person did not allow it.', state, iss: issuer }),
        };
      return { to: redirectWith(redirect, { code: codes.issue(pending, decision), state, iss: issuer }) };
    },
    token: (form) => endpoint.token(form),
    revoke: (form) => endpoint.revoke(form),
    pending: () =>
      requests.open().map(({ id, at, client, redirect, resource, program }) => {
        const before = again(client);
        const server = /\/s\/([^/]+)$/.exec(resource)?.[1];
        return {
          id,
          at: new Date(at).toISOString(),
          expiresAt: new Date(at + consentMs).toISOString(),
          client: { name: client.name, ...(client.host === undefined ? {} : { host: client.host }) },
          redirect: { place: redirect.place, reach: redirect.reach },
          ...(program === undefined ? {} : { program }),
          ...(server === undefined ? {} : { server }),
          name: before?.name ?? agentName(client.name, isTaken),
          ...(before === undefined
            ? {}
            : {
                again: {
                  ...(before.servers ? { servers: before.servers } : {}),
                  ...(before.expiresAt ? { expiresAt: before.expiresAt } : {}),
                },
              }),
        };
      }),
    allow: (id, choice) => allow(open(id), choice),
    deny(id) {
      const pending = open(id);
      requests.decide(pending, { allow: false });
      options.note(deniedInWords('The person', pending));
    },
    forget(name) {
      requests.forget(name);
      codes.forget(name);
    },
    limited(name) {
      const { signIn, servers, expiresAt } = agents.list().find((agent) => isCalled(agent.name, name)) ?? {};
      if (signIn) limit(signIn.client, name, { servers, expiresAt });
    },
    follow: company.follow,
    suspend: company.suspend,
    close: () => requests.close(),
  };
}

function sayOrThrow(error: unknown): string {
  if (error instanceof OAuthError) return error.description;
  throw error;
}

/** Throws OAuthError. */
async function findClient(
  { registrations, documents }: { registrations: Registrations; documents: Documents },
  id: string | undefined,
  knows: (client: Client) => boolean,
): Promise<Client> {
  if (id === undefined) throw new OAuthError('invalid_request', 'The agent did not say who it is.');
  if (documents.isDocument(id)) return await documents.find(id, knows);
  const client = registrations.find(id);
  if (!client)
    throw new OAuthError(
      'invalid_client',
      'This agent is not known here, or no more. Let it forget its old sign-in and sign in again: it then registers itself anew.',
      401,
    );
  return client;
}
