import { type Kind, mended } from './definition.ts';
import { isObject } from './json-schema.ts';

type Json = Record<string, unknown>;
/** What a server said that agents cannot be told, and why. */
export interface LeftOut {
  what: string;
  why: string;
}

/** By what each kind is called or read; without it an item can be neither. */
const keys = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate', skills: 'uri' } as const;
const kinds = Object.keys(keys) as Kind[];

/** A server chooses how many faults it has. */
const mostTold = 200;
const longest = 200;

/**
 * What of a list can be given to agents, in its order. One bad item must not keep the rest from being so; of two with one name servers answer to the
 * first.
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

/** What a server says of itself, as far as agents can be told it in its words. */
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

/** Agents are told of a server's extensions together with those of all others. */
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

/** INVARIANT: what comes out goes through unchanged a second time. What is no catalogue at all is for the schema to refuse. */
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
