import { hash } from 'node:crypto';
import { type Json, Refused } from './fixture-catalogue.ts';

/** Two skills, one with a folder in it, for what the suite asks of SEP-2640. */

const folderType = 'inode/directory';
const described = {
  'git-workflow': "Follow this team's Git conventions for branching and commits.",
  'release-notes': 'Write the notes of a release out of its merged changes.',
};
const manifest = (name: keyof typeof described, body: string) =>
  `---\nname: ${name}\ndescription: ${described[name]}\n---\n# ${name}\n\n${body}\n`;
const files = new Map([
  ['skill://git-workflow/SKILL.md', manifest('git-workflow', 'Take a template from templates/.')],
  ['skill://git-workflow/templates/commit.md', 'What and why, in one line.\n'],
  ['skill://release-notes/SKILL.md', manifest('release-notes', 'One line for each change.')],
]);

const skills = Object.entries(described).map(([name, description]) => ({
  uri: `skill://${name}/SKILL.md`,
  frontmatter: { name, description },
  resources: [...files]
    .filter(([uri]) => uri.startsWith(`skill://${name}/`))
    .map(([uri, text]) => ({ uri, digest: `sha256:${hash('sha256', text, 'hex')}`, size: Buffer.byteLength(text) })),
}));

export const skillsExtension = { 'io.modelcontextprotocol/skills': { directoryRead: true } };
export const skillResources = skills.map(({ uri, frontmatter }) => ({ uri, ...frontmatter, mimeType: 'text/markdown' }));

export function readSkillFile(uri: string): Json | undefined {
  const text = files.get(uri);
  return text === undefined ? undefined : { uri, mimeType: 'text/markdown', text };
}

/** Undefined: no method of the extension. */
export function answerSkills(method: string, params: Json): Json | undefined {
  const uri = String(params['uri']);
  if (method === 'skills/list') return { skills, ttlMs: 1000, cacheScope: 'public' };
  if (method === 'skills/get') {
    const skill = skills.find((skill) => skill.uri === uri);
    if (!skill) throw new Refused(-32602, `No skill is served at ${uri}`);
    return { skill, ttlMs: 1000, cacheScope: 'public' };
  }
  if (method !== 'resources/directory/read') return undefined;
  const below = [...files.keys()]
    .filter((fileUri) => fileUri.startsWith(`${uri}/`))
    .map((fileUri) => fileUri.slice(uri.length + 1).split('/'));
  if (below.length === 0) throw new Refused(-32602, `${uri} is not a directory resource`);
  const children = new Map(below.map(([name, ...more]) => [name!, more.length > 0 ? folderType : 'text/markdown']));
  return { resources: [...children].map(([name, mimeType]) => ({ uri: `${uri}/${name}`, name, mimeType })) };
}
