import { z } from 'zod';

const program = z.string().min(1).max(64);
const called = z.string().min(1).max(64);

/** Servers that agents have beside the gateway. */
export const shadowCommands = {
  /** Reads the files where agents keep their servers. Nothing is started, reached or changed. */
  'agents-scan': z.strictObject({}),
  /** What taking a server out of an agent's file would change. `name`: as the scan tells it. */
  'shadow-move-preview': z.strictObject({ id: program, name: called }),
  /**
   * Takes it out, where a blessed server is the same one and the agent reaches that through the gateway. `planned`, of a preview: refused where the file is
   * another one by now.
   */
  'shadow-move': z.strictObject({ id: program, name: called, planned: z.string().max(64).optional() }),
  /** Asks the company to bless it: its name, where it leads, and the reason; no secret. */
  'shadow-request': z.strictObject({ id: program, name: called, reason: z.string().trim().min(1).max(2000) }),
  /** Puts it back: the whole file to the byte, or the entry alone where more has changed since. */
  'shadow-put-back': z.strictObject({ move: z.string().regex(/^[0-9a-f]{16}$/) }),
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
    /** What was moved behind the gate and can be put back. */
    moved: { move: string; id: string; file: string; name: string; equivalent: string; at: string }[];
  };
  'shadow-move-preview': {
    title: string;
    file: string;
    equivalent: { id: string; title: string };
    /** A unified diff of the structure, without values. */
    diff: string;
    /** For `shadow-move`. */
    planned: string;
  };
  'shadow-move': { move: string; title: string; file: string; name: string; equivalent: { id: string; title: string } };
  'shadow-request': { id: string };
  'shadow-put-back': { title: string; file: string; name: string; restored: 'whole' | 'entry' };
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
