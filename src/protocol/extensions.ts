import type { ServerEntry } from '../bundle/schema.ts';
import type { JsonObject } from './jsonrpc.ts';
import { isObject } from './jsonrpc.ts';

/** MCP Apps: tools with a page of their own, `ui://` resources. */
export const apps = 'io.modelcontextprotocol/ui';
/** Results that are fetched later (SEP-2663). */
export const tasks = 'io.modelcontextprotocol/tasks';
/** Folders of instructions, read as resources (SEP-2640). */
export const skills = 'io.modelcontextprotocol/skills';

/** Whether client capabilities name an extension (SEP-2133). */
export const declares = (capabilities: JsonObject, extension: string): boolean =>
  isObject(capabilities['extensions']) && capabilities['extensions'][extension] !== undefined;

/** Servers choose how much they state. Agents are told no more than this. */
const maxStatedBytes = 16_384;

/**
 * What the servers behind an address were blessed with, merged. Where two state settings of one extension, those of the first hold. Experimental
 * capabilities are the older era's way to state the same.
 */
export function statedOf(servers: readonly ServerEntry[], kind: 'extensions' | 'experimental'): JsonObject | undefined {
  const all = together(servers, kind);
  // Stated where a server has a blessed skill, not where it merely declares the extension.
  const serving = kind === 'extensions' ? servers.filter(({ catalogue }) => catalogue.skills.length > 0) : [];
  return serving.length === 0 ? all : { ...all, [skills]: serving.some(readsFolders) ? { directoryRead: true } : {} };
}

function together(servers: readonly ServerEntry[], kind: 'extensions' | 'experimental'): JsonObject | undefined {
  let all: JsonObject | undefined;
  let room = maxStatedBytes;
  for (const { catalogue } of servers) {
    const stated = catalogue.capabilities[kind];
    if (!isObject(stated)) continue;
    for (const key in stated) {
      if (key === skills) continue;
      room -= Buffer.byteLength(JSON.stringify({ [key]: stated[key] }));
      if (room < 0) return all;
      all ??= {};
      all[key] = isObject(stated[key]) && isObject(all[key]) ? { ...stated[key], ...all[key] } : (all[key] ?? stated[key]);
    }
  }
  return all;
}

/** Whether a server answers `resources/directory/read`, as it was blessed. */
export function readsFolders({ catalogue }: { catalogue: Pick<ServerEntry['catalogue'], 'capabilities'> }): boolean {
  const stated = catalogue.capabilities['extensions'];
  return isObject(stated) && isObject(stated[skills]) && stated[skills]['directoryRead'] === true;
}

const flatKey = 'ui/resourceUri';

/** The page that a tool is shown with, in either spelling: the flat key is the older one. */
export function pageOf(definition: JsonObject): string | undefined {
  const meta = definition['_meta'];
  if (!isObject(meta)) return undefined;
  const uri = isObject(meta['ui']) ? (meta['ui']['resourceUri'] ?? meta[flatKey]) : meta[flatKey];
  return typeof uri === 'string' ? uri : undefined;
}

/** The definition with its page under the URI by which agents can read it here; what else stands in `_meta` stays. */
export function withPage<Definition extends JsonObject>(definition: Definition, uri: string): Definition {
  const { ...meta } = definition['_meta'] as JsonObject;
  if (isObject(meta['ui']) && meta['ui']['resourceUri'] !== undefined) meta['ui'] = { ...meta['ui'], resourceUri: uri };
  if (meta[flatKey] !== undefined) meta[flatKey] = uri;
  return { ...definition, _meta: meta };
}

/**
 * Whether a tool is for its page and not for the model. Hosts that show pages need such a tool in the list and keep it from the model themselves
 * (MCP Apps, "Visibility"). Other hosts would offer it to the model.
 */
export function appOnly(definition: JsonObject): boolean {
  const meta = definition['_meta'];
  const visibility = isObject(meta) && isObject(meta['ui']) ? meta['ui']['visibility'] : undefined;
  return Array.isArray(visibility) && !visibility.includes('model');
}
