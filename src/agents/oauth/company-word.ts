import type { Agents } from '../credentials/credentials.ts';
import type { Documents } from './documents.ts';
import { OAuthError } from './errors.ts';
import type { Client } from './metadata.ts';
import { matchRedirect } from './redirects.ts';
import type { Asked, Requests } from './requests.ts';
import { deniedInWords } from './words.ts';

/** What the company says of one client document. */
export interface ClientRule {
  clientId: string;
  /** `allow`: what it says needs no click of the person. */
  decision: 'allow' | 'block';
  /** Absent: all servers that the rules allow. */
  servers?: readonly string[] | undefined;
}

/** As a bundle has it. */
export interface CompanyWord {
  clients: readonly ClientRule[];
  /** ISO 8601. From then on nothing needs no click: the company may have said otherwise meanwhile. */
  staleAfter: string;
}

/** The other end of a connection. */
export interface From {
  address: string;
  port: number;
}

/** Whether programs on loopback are this user's. What is not known is not. */
export interface OwnPrograms {
  peer(from: From): Promise<boolean>;
  listener(host: string, port: number): Promise<boolean>;
}

/**
 * The company's word on clients. It holds until the next bundle replaces it, also while there is none: who was blocked does not come in through a gap. Only
 * client documents can be named, as an agent that registers itself has an id that nobody knew before (docs/adr/0063).
 */
export function openCompanyWord(options: {
  requests: Requests;
  documents: Documents;
  agents: Pick<Agents, 'grants' | 'list'>;
  own: OwnPrograms | undefined;
  now(): number;
  note(reason: string): void;
}) {
  const { requests, documents, agents, own, now } = options;
  let rules: ReadonlyMap<string, ClientRule> = new Map();
  let staleAfter = 0;

  /** What the person said of this client before is never widened by the company: where it says something else, the person is asked. */
  function fits(rule: ClientRule, { client, resource }: Asked): boolean {
    const before = agents.list().filter((agent) => agent.signIn?.client === client.id);
    const within = (servers: readonly string[] | undefined) =>
      rule.servers === undefined || (servers?.every((server) => rule.servers!.includes(server)) ?? false);
    const server = /\/s\/([^/]+)$/.exec(resource)?.[1];
    return (
      rule.servers?.length !== 0 &&
      (server === undefined || within([server])) &&
      before.every(
        ({ revokedAt, expiresAt, servers }) =>
          revokedAt === undefined && within(servers) && (expiresAt === undefined || Date.parse(expiresAt) > now()),
      )
    );
  }

  return {
    /** Throws OAuthError for a client that the company blocks. */
    refuse(client: string): void {
      if (rules.get(client)?.decision === 'block')
        throw new OAuthError('unauthorized_client', 'Your company does not let this agent sign in. Ask your IT about it.');
    },
    /**
     * Whether it comes in without a click, and to which servers if it is new. `opened`: whose browser asks, where a program and no page opened it. The
     * answer must go to a program of this user, and must have been asked for by one: another user's program can name the same document.
     */
    async approves(asked: Asked, opened: From | undefined): Promise<{ servers: readonly string[] | undefined } | undefined> {
      const { protocol, hostname, port } = new URL(asked.redirect.href);
      const knows = ({ redirectUris }: Client) => matchRedirect(redirectUris, asked.redirect.uri) !== undefined;
      const approved = () => {
        const rule = rules.get(asked.client.id);
        return rule?.decision === 'allow' && now() < staleAfter && documents.isCurrent(asked.client.id, knows) && fits(rule, asked)
          ? rule
          : undefined;
      };
      if (!approved() || !opened || !own || protocol !== 'http:' || port === '') return undefined;
      if (!(await own.peer(opened)) || !(await own.listener(hostname, Number(port)))) return undefined;
      // A bundle may have come meanwhile.
      const rule = approved();
      return rule && { servers: rule.servers };
    },
    follow(next: CompanyWord): void {
      staleAfter = Date.parse(next.staleAfter);
      rules = new Map(next.clients.map((rule) => [rule.clientId, rule]));
      const isBlocked = (client: string) => rules.get(client)?.decision === 'block';
      // First what waits, so that nobody is asked about an agent that cannot come in. Codes end at the token endpoint, which asks here.
      for (const pending of requests.open()) {
        if (!isBlocked(pending.client.id)) continue;
        requests.decide(pending, { allow: false });
        options.note(deniedInWords('The company', pending));
      }
      for (const client of rules.keys()) if (isBlocked(client)) agents.grants.endClient(client);
    },
    /** There are no rules: nothing needs no click. */
    suspend(): void {
      rules = new Map([...rules].filter(([, { decision }]) => decision === 'block'));
    },
  };
}
