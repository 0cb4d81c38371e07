import { z } from 'zod';

/** Servers that agents have beside the gateway. */
export const shadowCommands = {
  /** Reads the files where agents keep their servers. Nothing is started, reached or changed. */
  'agents-scan': z.strictObject({}),
};

export interface ShadowOutputs {
  'agents-scan': {
    servers: ShadowServer[];
    /** Files that are there and could not be read: what stands in them is not known. */
    unread: { id: string; title: string; file: string; why: string }[];
    /** Files that were read. */
    files: number;
    /** False while the company's rules are not here: no equivalent can be told then. */
    compared: boolean;
  };
}

/** Where something secret stands in plain text. What it is, is never said. */
export interface ShadowSecret {
  where: 'env' | 'header' | 'argument' | 'url';
  /** Of the variable, header, option or part; `••••` where the name itself could be a secret. */
  name: string;
}

export interface ShadowServer {
  /** The agent, as in the table of agents. */
  id: string;
  title: string;
  file: string;
  /** The folder that it is for; absent where it is for all. */
  project?: string;
  /** What the agent calls it. */
  name: string;
  /** An address, or a command with its arguments; each value in it that is not known to be harmless is `••••`. */
  target: string;
  secrets: ShadowSecret[];
  /** It is there and switched off. */
  off?: true;
  /** The blessed server of the company that is the same one. */
  equivalent?: { id: string; title: string };
}
