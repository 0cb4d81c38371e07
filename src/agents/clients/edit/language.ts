/** One language of configuration files. Its functions throw what they like where a text is not of the language, or cannot be edited. */
export interface Language {
  /** Bytes of a text that is parsed; what parsing takes of the time of all calls follows from it. */
  largest: number;
  parse(text: string): Record<string, unknown>;
  /** The entry is not there yet. Without a container it is a member of the document itself. */
  insert(text: string, container: string | undefined, name: string, value: unknown): string;
  /** The entry is there. */
  remove(text: string, container: string | undefined, name: string): string;
}
