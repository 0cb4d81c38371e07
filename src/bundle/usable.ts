import { type Kind, mended } from './definition.ts';
import { isObject } from './json-schema.ts';

type Json = Record<string, unknown>;
/** A part of what a server stated that agents cannot be given, and why. */
export interface LeftOut {
  what: string;
  why: string;
}

/** The member by which each kind is called or read. An item without it is of no use. */
const keys = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate', skills: 'uri' } as const;
const kinds = Object.keys(keys) as Kind[];

/** The number of faults is up to the server, so those that are told are bounded. */
const mostTold = 200;
const longest = 200;

/**
 * The items of a list that can be given to agents, in order. One bad item must not keep out the rest. Of two items with one name the first
 * counts, since servers answer to that one.
 */
export function usable(kind: Kind, items: readonly unknown[]): { kept: Json[]; leftOut: LeftOut[] } {
  const key = keys[kind];
  const kept: Json[] = [];
  const leftOut: LeftOut[] = [];
  const seen = new Set<string>();
  for (const [at, item] of items.entries()) {
    const stated = isObject(item) ? item[key] : undefined;
    const id = typeof stated === 'string' && stated !== '' ? stated : undefined;
    const place = `${kind}[${at}]${id === undefined ? '' : ` ${id.slice(0, longest)}`}`;
    if (!isObject(item)) leftOut.push({ what: place, why: 'it is no object' });
    else if (id === undefined) leftOut.push({ what: place, why: `it has no ${key}` });
    else if (seen.has(id)) leftOut.push({ what: place, why: 'it is listed twice, and the first one counts' });
    else {
      const made = mended(kind, item);
      if ('why' in made) leftOut.push({ what: place, why: made.why });
      else {
        seen.add(id);
        kept.push(made.definition);
        leftOut.push(...made.without.map(({ part, why }) => ({ what: `${place}: ${part}`, why })));
      }
    }
  }
  return { kept, leftOut };
}

/** What a server says of itself, without the parts that agents cannot be given. */
export function usableAbout(about: Json): { about: Json & { capabilities: Json }; leftOut: LeftOut[] } {
  const { serverInfo, instructions, capabilities } = about;
  const leftOut: LeftOut[] = [];
  const isStated = (name: string) => about[name] !== undefined && about[name] !== null;
  if (isStated('instructions') && typeof instructions !== 'string') leftOut.push({ what: 'instructions', why: 'they are no text' });
  if (isStated('capabilities') && !isObject(capabilities)) leftOut.push({ what: 'capabilities', why: 'they are no object' });
  const made = isObject(serverInfo) ? mended('serverInfo', serverInfo) : { why: 'it is no object' };
  const info = 'why' in made ? undefined : made.definition;
  if ('why' in made) {
    if (isStated('serverInfo')) leftOut.push({ what: 'serverInfo', why: made.why });
  } else leftOut.push(...made.without.map(({ part, why }) => ({ what: `serverInfo: ${part}`, why })));
  return {
    about: {
      ...(info === undefined ? {} : { serverInfo: info }),
      ...(typeof instructions === 'string' ? { instructions } : {}),
      capabilities: usableCapabilities(isObject(capabilities) ? capabilities : {}, leftOut),
    },
    leftOut,
  };
}

/** Agents get the extensions of all servers merged, so each must be an object. */
function usableCapabilities(declared: Json, leftOut: LeftOut[]): Json {
  let capabilities = declared;
  for (const name of ['extensions', 'experimental']) {
    const stated = capabilities[name];
    if (stated === undefined) continue;
    const entries = isObject(stated) ? Object.entries(stated) : [];
    const fine = entries.filter(([, settings]) => isObject(settings));
    if (isObject(stated) && fine.length === entries.length) continue;
    if (!isObject(stated) && stated !== null) leftOut.push({ what: `capabilities.${name}`, why: 'they are no object' });
    for (const [key, settings] of entries)
      if (!isObject(settings)) leftOut.push({ what: `capabilities.${name} ${key.slice(0, longest)}`, why: 'its settings are no object' });
    const { [name]: _, ...rest } = capabilities;
    capabilities = fine.length === 0 ? rest : { ...rest, [name]: Object.fromEntries(fine) };
  }
  return capabilities;
}

/** INVARIANT: the result comes back unchanged when it is put in again. A value that is no catalogue is left for the schema to refuse. */
export function usableCatalogue(catalogue: unknown): unknown {
  if (!isObject(catalogue)) return catalogue;
  const { about, leftOut } = usableAbout(catalogue);
  const { serverInfo: _info, instructions: _words, ...rest } = catalogue;
  const made: Json = { ...rest, ...about };
  for (const kind of kinds) {
    const items = catalogue[kind];
    if (!Array.isArray(items)) continue;
    const list = usable(kind, items);
    made[kind] = list.kept;
    leftOut.push(...list.leftOut);
  }
  if (leftOut.length > 0) made['leftOut'] = bounded([...(Array.isArray(catalogue['leftOut']) ? catalogue['leftOut'] : []), ...leftOut]);
  return made;
}

export function bounded<One extends LeftOut>(leftOut: readonly One[]): LeftOut[] {
  if (leftOut.length <= mostTold) return [...leftOut];
  const more = leftOut.length - mostTold + 1;
  return [...leftOut.slice(0, mostTold - 1), { what: `${more} more`, why: 'they have faults like these' }];
}
