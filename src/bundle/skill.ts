import { z } from 'zod';

/** The folder of a skill: all below it is the skill's (SEP-2640, "Resource Mapping"). Without the `/` at its end. */
export const skillRoot = (skill: { uri: string }): string => skill.uri.slice(0, -manifest.length);
const manifest = '/SKILL.md';

/**
 * Whether all readers resolve a URI alike. Where one resolves what another takes for a name, it could lead out of a skill's folder, or into
 * another's.
 */
export function isPlainUri(uri: string): boolean {
  const path = /^[a-z][a-z0-9+.-]*:\/\/([^?#\\\s\p{Cc}]+)$/iu.exec(uri)?.[1];
  return (
    path?.split('/').every((segment) => {
      let name = segment;
      for (let round = 0; round < 3 && /%[0-9a-f]{2}/i.test(name); round++) {
        try {
          name = decodeURIComponent(name);
        } catch {
          return false;
        }
      }
      return name !== '' && name !== '.' && name !== '..' && !/[/\\\p{Cc}]|%[0-9a-f]{2}/iu.test(name);
    }) ?? false
  );
}

const skillFile = z.looseObject({ uri: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/), size: z.int().min(0) });
type SkillFiles = z.infer<typeof skillFile>[] | 'dynamic';

/** The entry of a skill as `skills/list` gave it, with every field. The files of a "dynamic" one have no digest to be checked against. */
export const skill = z
  .looseObject({
    uri: z.string().regex(/[^/]\/SKILL\.md$/, 'the URI of a skill ends in /SKILL.md inside a folder'),
    frontmatter: z.looseObject({ name: z.string().min(1), description: z.string() }),
    resources: z.union([z.array(skillFile), z.literal('dynamic')]),
  })
  .refine(
    (entry) =>
      [entry, ...filesOf(entry.resources)].every(({ uri }) => isPlainUri(uri) && uri.startsWith(`${skillRoot(entry)}/`)) &&
      (entry.resources === 'dynamic' || filesOf(entry.resources).some(({ uri }) => uri === entry.uri)),
    'a skill lists its SKILL.md and files of its own folder only, without "." and ".." in their URIs',
  );
const filesOf = (resources: SkillFiles) => (resources === 'dynamic' ? [] : resources);
export type Skill = z.infer<typeof skill>;
