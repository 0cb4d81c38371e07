/** The part of oidc-provider 9 that the demo uses; the package carries no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  interface Context {
    type: string;
    status: number;
    body: unknown;
    set(field: string, value: string): void;
    oidc: {
      route?: string;
      result?: { login?: unknown };
      params?: Record<string, string | undefined>;
      session?: { accountId?: string; state?: { secret: string } };
      client?: { clientId: string };
      urlFor(route: string): string;
    };
  }
  interface Interaction {
    uid: string;
    prompt: { name: string };
    params: { client_id: string; scope?: string; resource?: string | string[]; user_code?: string };
    deviceCode?: string;
  }
  interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }
  class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): this;
    registerGrantType(name: string, handler: (context: Context) => Promise<void>, parameters: string[]): void;
    on(event: string, listener: (context: Context, error: Error) => void): this;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
    Grant: new (properties: {
      accountId: string;
      clientId: string;
    }) => Grant;
  }
  interface Checks extends Array<unknown> {
    add(check: unknown): void;
  }
  const interactionPolicy: {
    base(): { get(prompt: string): { checks: Checks } | undefined };
    Check: new (reason: string, description: string, check: (context: Context) => boolean) => unknown;
  };
  type Described = new (description: string) => Error;
  const errors: { InvalidTarget: new () => Error; InvalidRequest: Described; InvalidGrant: Described };
}
