import type { AgentRow } from '../../contract/agents.ts';
import type { Connection } from './records.ts';

export interface Credentials {
  add(name: string, servers?: readonly string[]): { name: string; token: string };
  revoke(name: string): void;
  list(): readonly Pick<AgentRow, 'name' | 'createdAt' | 'revokedAt' | 'servers'>[];
}

export interface Credential {
  agent: string;
  agentSince: string;
  token: string;
}

/** The credentials of connections. A name alone does not tell which one is meant: once revoked, it can be given to somebody else. */
export function credentialsOf(credentials: Credentials) {
  const found = ({ agent, agentSince }: Pick<Connection, 'agent' | 'agentSince'>) =>
    credentials.list().find(({ name, createdAt }) => name === agent && createdAt === agentSince);
  const isLive = (of: Pick<Connection, 'agent' | 'agentSince'>): boolean => {
    if (of.agent === undefined) return true;
    const credential = found(of);
    return credential !== undefined && credential.revokedAt === undefined;
  };
  function end(of: Pick<Connection, 'agent' | 'agentSince'>): void {
    if (of.agent !== undefined && isLive(of)) credentials.revoke(of.agent);
  }
  return {
    isLive,
    end,
    /** A new one, in the place of the one before, which ends. The servers that its person limited that one to are its limit, too. */
    renew(title: string, before: Connection | undefined): Credential {
      const servers = before && found(before)?.servers;
      if (before) end(before);
      const taken = new Set(credentials.list().flatMap(({ name, revokedAt }) => (revokedAt === undefined ? [name.toLowerCase()] : [])));
      let agent = title;
      for (let number = 2; taken.has(agent.toLowerCase()); number++) agent = `${title} ${number}`;
      const { token } = credentials.add(agent, servers);
      return { agent, token, agentSince: credentials.list().find(({ name }) => name === agent)!.createdAt };
    },
  };
}
