import { readable } from '../../bundle/readable.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { isPlainUri, skillRoot } from '../../bundle/skill.ts';
import { canonical, readings } from './spellings.ts';

/**
 * Which blessed skill a URI belongs to: its rules hold for all that is below its folder, of nested skills the innermost one's (SEP-2640, "Nested
 * Skills"). `outside`: it looks like a skill's but is no part of one that was blessed, so for everybody it does not exist: a file that is not in
 * the blessed list, or a spelling that a server may resolve to another place than the one that is decided upon.
 */
export type SkillScope = { skill: string } | 'outside' | undefined;

const maxUri = 4096;

export function openSkillScopes(catalogue: ServerEntry['catalogue']): (uri: string) => SkillScope {
  const { skills } = catalogue;
  if (skills.length === 0) return () => undefined;
  const named = new Set(readable(catalogue));
  const roots = new Map(skills.map((skill) => [skillRoot(skill), { uri: skill.uri, members: members(skill) }]));
  const forms = new Map(skills.map((skill) => [canonical(skillRoot(skill)), canonical(skillRoot(skill))]));
  return (uri) => {
    if (uri.length > maxUri) return 'outside';
    const owner = innermost(roots, uri);
    const isMember = owner && (owner.members?.has(uri) ?? isPlainUri(uri));
    const read = readings(uri);
    if (owner && (isMember || named.has(uri))) {
      const root = canonical(skillRoot(owner));
      if (read.every((form) => innermost(forms, form) === root)) return { skill: owner.uri };
    }
    const like = owner !== undefined || read.some((form) => innermost(forms, form) !== undefined);
    // The scheme is for skills, so what is not blessed under it is a skill that nobody blessed. Other schemes hold other things as well.
    return like || (canonical(uri).startsWith('skill:') && !named.has(uri)) ? 'outside' : undefined;
  };
}

/** The files and the folders above them; undefined where nobody can say beforehand what there is. */
function members({ uri, resources }: ServerEntry['catalogue']['skills'][number]): Set<string> | undefined {
  if (resources === 'dynamic') return undefined;
  const root = skillRoot({ uri });
  const all = new Set([root]);
  for (const file of resources)
    for (let at = file.uri.length; at > root.length; at = file.uri.lastIndexOf('/', at - 1)) all.add(file.uri.slice(0, at));
  return all;
}

/** Of several folders that hold it, or are it, the one that is furthest down. */
export function innermost<T>(roots: ReadonlyMap<string, T>, uri: string): T | undefined {
  // A longer URI belongs to no skill, and each of its thousands of slashes would be looked up.
  if (roots.size === 0 || uri.length > maxUri) return undefined;
  for (let at = uri.length; at > 0; at = uri.lastIndexOf('/', at - 1)) {
    const match = roots.get(uri.slice(0, at));
    if (match !== undefined) return match;
  }
  return undefined;
}
