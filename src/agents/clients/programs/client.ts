/** The machine that agents are looked for on. Given, never read from the process: tests have homes of all three systems. */
export interface Machine {
  /** Absolute. */
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
}

export type ConfigLanguage = 'jsonc' | 'toml' | 'yaml';

/** Where an agent reads its MCP servers, and how it spells ours. */
export interface AgentFile {
  /** Absolute paths. The first that exists is edited; where none does, the first is made. */
  files(machine: Machine): string[];
  language: ConfigLanguage;
  /** The member of the document that holds the servers, by name. */
  container: string;
  /** It starts programs only: its entry starts the stdio bridge, which needs no token, and `url` is that command (`commandUrl`). */
  startsBridge?: true;
  /** It signs in by itself (OAuth) where its entry has no token, as a test with the program itself has shown. */
  signsIn?: true;
  entry(url: string, token?: string): Record<string, unknown>;
  /** The reverse: what the agent would connect to, and with what; undefined where the entry has no URL, or starts no command. */
  read(entry: unknown): { url: string; token?: string } | undefined;
  /** The agent takes a lock (the folder `FILE.lock`, as the npm package proper-lockfile does) while it writes. */
  locks?: true;
}

/** A place where an agent reads servers. */
export interface AgentReads {
  /** Absolute. */
  file: string;
  language: ConfigLanguage;
  /** Members on the way to the servers; `*`: each member. */
  path: readonly string[];
}

/** One agent: how it is found, and what may be written for it. */
export interface Client {
  id: string;
  title: string;
  /** Its programs on PATH, without an ending. */
  programs: readonly string[];
  /** Files or folders that are there once it was installed or used. */
  traces(machine: Machine): string[];
  /** Where it reads servers besides the files of `config`: looked at by the scan, never written. */
  alsoReads?(machine: Machine): AgentReads[];
  config: AgentFile;
}
