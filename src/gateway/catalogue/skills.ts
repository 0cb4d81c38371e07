import { type Skill, skillRoot } from '../../bundle/skill.ts';
import type { Policy } from '../../policy/policy.ts';
import { readsFolders } from '../../protocol/extensions.ts';
import { scopedUri } from './names.ts';
import type { Owner } from './owner.ts';

/** Whether a method can be asked of a URI at all. Folders are read below blessed skills only: of other trees no list says what is in them. */
export function mayName(method: string, { owner, uri }: { owner: Owner; uri: string }): boolean {
  const { skills } = owner.catalogue;
  if (method === 'skills/get') return skills.some((skill) => skill.uri === uri);
  return method !== 'resources/directory/read' || (readsFolders(owner) && skills.some((skill) => isBelow(uri, skill)));
}

export const isBelow = (uri: string, skill: Skill): boolean => uri === skillRoot(skill) || uri.startsWith(`${skillRoot(skill)}/`);

/** The entry as agents at a merged address read its files. */
export function scopedSkill(server: string, skill: Skill): Skill {
  const { uri, resources } = skill;
  return {
    ...skill,
    uri: scopedUri(server, uri),
    resources: resources === 'dynamic' ? resources : resources.map((file) => ({ ...file, uri: scopedUri(server, file.uri) })),
  };
}

/** The blessed entry as one agent sees it: without the files of inner skills that are hidden from that agent, so that nothing shows them. */
export function seenSkill(server: Owner, uri: string, policy: Policy, agent: string): Skill {
  const { skills } = server.catalogue;
  const skill = skills.find((candidate) => candidate.uri === uri)!;
  const verdicts = policy.list('read', server.id, agent);
  const isHidden = (skillUri: string | undefined) => skillUri === undefined || verdicts.get(skillUri)?.effect === 'deny';
  if (skill.resources === 'dynamic' || !skills.some((other) => other !== skill && isBelow(other.uri, skill) && isHidden(other.uri)))
    return skill;
  return { ...skill, resources: skill.resources.filter((file) => !isHidden(policy.skillOf(server.id, file.uri))) };
}
