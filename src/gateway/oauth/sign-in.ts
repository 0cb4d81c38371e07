/** What the HTTP side of the authorization server asks of it; the gateway knows neither its clients nor its store. */
export interface SignIn {
  register(metadata: unknown): Answer;
  /** `opened`: the browser's end of the connection, where a program opened it and no page did. */
  begin(
    query: URLSearchParams,
    host: string,
    opened?: { address: string; port: number },
  ): Promise<{ wait: string } | { refused: string; to?: string }>;
  look(wait: string): { id: string } | undefined;
  outcome(wait: string, signal: AbortSignal): Promise<{ to: string } | 'waiting' | undefined>;
  token(form: URLSearchParams): Answer;
  revoke(form: URLSearchParams): Answer;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}
