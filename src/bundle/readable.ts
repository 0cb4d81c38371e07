import type { ServerEntry } from './schema.ts';

/** What `read` can be asked about by name. A skill is its `SKILL.md`. */
export const readable = (catalogue: ServerEntry['catalogue']): string[] => [
  ...catalogue.resources.map((resource) => resource.uri),
  ...catalogue.resourceTemplates.map((template) => template.uriTemplate),
  ...catalogue.skills.map((skill) => skill.uri),
];
