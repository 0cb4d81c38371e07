import type { ServerEntry } from './schema.ts';

/** What `read` can be asked about by name. A skill is its `SKILL.md`. */
export const readable = (catalogue: ServerEntry['catalogue']): string[] => [
  ...catalogue.resources.map((one) => one.uri),
  ...catalogue.resourceTemplates.map((one) => one.uriTemplate),
  ...catalogue.skills.map((one) => one.uri),
];
