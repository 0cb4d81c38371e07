import { errorText, rpc } from '../protocol/jsonrpc.ts';
import { legacyVersions, modernVersions } from '../protocol/versions.ts';
import type { Told } from './message.ts';

/**
 * What is answered while the host starts or the person is asked, since agents give a server up that is silent for some ten seconds: that there is a
 * server, which has nothing for them as yet and tells when that changes. What cannot be answered so waits.
 */
export function meanwhile(message: Told, version: string): string | undefined {
  const [id] = message.ids;
  if (id === undefined || message.ids.length > 1) return undefined;
  const serverInfo = { name: 'gatehouse', title: 'Gatehouse', version };
  const listChanged = { listChanged: true };
  const capabilities = { tools: listChanged, prompts: listChanged, resources: { subscribe: true, listChanged: true } };
  const instructions =
    'Nothing can be used here until the person has allowed this agent in Gatehouse. The lists change as soon as that is done.';
  const result = (value: object) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(value)}}`;
  if (message.begins) {
    const { asked } = message;
    const protocolVersion = asked !== undefined && legacyVersions.includes(asked) ? asked : legacyVersions[0];
    return result({ protocolVersion, capabilities, serverInfo, instructions });
  }
  // Not to be kept: it changes with the person's word.
  const modern = message.modern !== undefined ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {};
  if (message.modern !== undefined && message.method === 'server/discover') {
    if (!modernVersions.includes(message.modern)) return undefined;
    const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
    return result({ ...modern, supportedVersions: modernVersions, capabilities, instructions, _meta });
  }
  const list = lists.get(message.method ?? '');
  if (list !== undefined) return result({ ...modern, [list]: [] });
  if (message.method === 'ping') return result({});
  if (message.method === 'tools/call')
    return errorText(id, {
      code: rpc.internalError,
      message: 'The person has not allowed this agent in Gatehouse yet. Ask for it, then try again.',
    });
  return undefined;
}

const lists = new Map([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
]);
