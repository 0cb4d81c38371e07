import type { Client } from './metadata.ts';

/**
 * Client documents of agents that are widely used, so that they sign in without a network. A redirect URI that is not here is looked up in the document
 * itself. What each agent's program holds was read in the npm package named; what its document says, in copies of it that public projects keep with their
 * tests (2026): none of these can be fetched while Gatehouse is built.
 */
const documents: Record<string, Pick<Client, 'name' | 'redirectUris'>> = {
  // The client id stands in @anthropic-ai/claude-code 2.1.330; it redirects to http://localhost:PORT/callback, at times to 127.0.0.1.
  'https://claude.ai/oauth/claude-code-client-metadata': {
    name: 'Claude Code',
    redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  },
  // The client id stands in @openai/codex 0.169.0, which takes this one where `iss` is advertised; it redirects to http://127.0.0.1:PORT/callback.
  'https://chatgpt.com/oauth/codex/client.json': {
    name: 'Codex',
    redirectUris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
  },
  // VS Code is in no npm package; these are what public threads say of it (microsoft/vscode 278512).
  'https://vscode.dev/oauth/client-metadata.json': {
    name: 'Visual Studio Code',
    redirectUris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
  },
};

export function knownClient(id: string): Client | undefined {
  const document = Object.hasOwn(documents, id) ? documents[id] : undefined;
  return document && { id, host: new URL(id).host, ...document };
}
