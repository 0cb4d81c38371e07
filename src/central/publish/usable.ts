import { type Catalogue, catalogue } from '../../bundle/schema.ts';

type Json = Record<string, unknown>;
export type Kind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'skills';
/** For the reviewer: what a server said that could not be blessed, and why. */
export interface LeftOut {
  what: string;
  why: string;
}
export type Definitions = Omit<Catalogue, 'hashes' | 'skills'> & Partial<Pick<Catalogue, 'skills'>>;

/** By what each kind is called or read; without it an item can be neither. */
const keys = { tools: 'name', prompts: 'name', resources: 'uri', resourceTemplates: 'uriTemplate', skills: 'uri' } as const;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What of a list can be blessed, in its order. One bad item must not keep the rest from being so; of two with one name servers answer to the first. */
export function usable(kind: Kind, items: readonly unknown[]): { kept: Json[]; leftOut: LeftOut[] } {
  const key = keys[kind];
  const kept: Json[] = [];
  const leftOut: LeftOut[] = [];
  const seen = new Set<string>();
  for (const [at, item] of items.entries()) {
    const known = isObject(item) ? item[key] : undefined;
    const what = typeof known === 'string' && known !== '' ? known : undefined;
    const why = !isObject(item)
      ? 'it is no object'
      : what === undefined
        ? `it has no ${key}`
        : seen.has(what)
          ? 'it is listed twice, and the first one counts'
          : kind === 'skills'
            ? faultOf(item)
            : undefined;
    if (why !== undefined) leftOut.push({ what: `${kind}[${at}]${what === undefined ? '' : ` ${what}`}`, why });
    else {
      seen.add(what!);
      kept.push(item as Json);
    }
  }
  return { kept, leftOut };
}

/** A model follows a skill's instructions, so more is asked of one than a name: that all its files are its own. */
const faultOf = (skill: unknown) => catalogue.shape.skills.safeParse([skill]).error?.issues[0]?.message.replace(/\.$/, '');

/** What a server says of itself, as far as agents can be told it in its words. */
export function usableAbout(about: Json): { about: Pick<Definitions, 'serverInfo' | 'instructions' | 'capabilities'>; leftOut: LeftOut[] } {
  const { serverInfo, instructions, capabilities } = about;
  const leftOut: LeftOut[] = [];
  if (instructions !== undefined && typeof instructions !== 'string') leftOut.push({ what: 'instructions', why: 'they are no text' });
  if (capabilities !== undefined && !isObject(capabilities)) leftOut.push({ what: 'capabilities', why: 'they are no object' });
  const named = isObject(serverInfo) && typeof serverInfo['name'] === 'string' && typeof serverInfo['version'] === 'string';
  if (serverInfo !== undefined && !named) leftOut.push({ what: 'serverInfo', why: 'it needs a name and a version' });
  return {
    about: {
      ...(named ? { serverInfo: serverInfo as NonNullable<Definitions['serverInfo']> } : {}),
      ...(typeof instructions === 'string' ? { instructions } : {}),
      capabilities: isObject(capabilities) ? capabilities : {},
    },
    leftOut,
  };
}
