import { join } from 'node:path';
import type { OtherServer } from '../../bundle/agents.ts';

/** A system whose files are looked at. Given, never read from the process: tests, and images of machines, have roots of their own. */
export interface System {
  platform: 'linux' | 'darwin' | 'win32';
  /** What stands for the root of the system's disk: `/`, `C:\`. */
  root: string;
  /** Who has to own what manages people: 0. Undefined where that cannot be told (Windows). */
  admin: number | undefined;
}

/** What an agent may have: the gateway at `origin` (`http://127.0.0.1:4283`), and these. */
export interface AllowList {
  origin: string;
  others: readonly OtherServer[];
}

/** One member of a document: of `container`, or of the document itself. */
export interface Member {
  container?: string;
  name: string;
  value: unknown;
}

/** An agent's own managed allow-list. The source of each fact stands in its file. */
export interface ManagedAgent {
  id: string;
  title: string;
  /** The agents of the table of those that can be connected which read it. */
  clients: readonly string[];
  /** From the system's root, with `/`. */
  file: Readonly<Record<System['platform'], string>>;
  language: 'jsonc' | 'toml';
  /** Comments and commas at ends make the agent ignore the file, or worse. */
  plainJson?: true;
  /** What must stand in the file. */
  members(list: AllowList): Member[];
  /** Why what stands in it, or beside it, lets more in all the same; undefined where nothing does. `beside`: looks at another file of the agent's folder. */
  widened?(document: Record<string, unknown>, list: AllowList, beside: Beside): string | undefined;
  /** How the agent itself is asked which servers it takes, in an empty home. Absent where it says so to nobody who has not signed in. */
  trial?: {
    args: readonly string[];
    /** From the home. */
    file: string;
    /** Servers at addresses, by name. */
    config(servers: Readonly<Record<string, string>>): string;
    /** Whether it said that it would use the server of this name. */
    takes(said: string, name: string): boolean;
  };
  /** What the list does not hold against, for the person who relies on it. */
  note?: string;
}

export interface Beside {
  folder: string;
  /** Names in it; empty where there is no such folder. */
  names(folder: string): string[];
  /** Undefined where there is none. Throws what it likes where it is no JSON object. */
  object(file: string): Record<string, unknown> | undefined;
}

export const fileOn = ({ file }: Pick<ManagedAgent, 'file'>, { platform, root }: System): string => join(root, file[platform]);
