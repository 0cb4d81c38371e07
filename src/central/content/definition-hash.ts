import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Catalogue } from '../../bundle/schema.ts';

/** SHA-256, base64url, over the RFC 8785 form: two definitions that differ in any field, known or not, differ here. */
export function definitionHash(definition: unknown): string {
  return createHash('sha256')
    .update(canonicalize(definition) ?? 'null')
    .digest('base64url');
}

type Definitions = Pick<Catalogue, 'tools' | 'prompts' | 'resources' | 'resourceTemplates'> & Partial<Pick<Catalogue, 'skills'>>;

/** Every definition of a catalogue, with the key of its hash and its place in the catalogue. */
export function definitionsOf(catalogue: Definitions): { key: string; definition: unknown; path: [string, number] }[] {
  return [
    ...catalogue.tools.map((definition, at) => ({ key: `tool:${definition.name}`, definition, path: ['tools', at] as [string, number] })),
    ...catalogue.prompts.map((definition, at) => ({
      key: `prompt:${definition.name}`,
      definition,
      path: ['prompts', at] as [string, number],
    })),
    ...catalogue.resources.map((definition, at) => ({
      key: `resource:${definition.uri}`,
      definition,
      path: ['resources', at] as [string, number],
    })),
    ...catalogue.resourceTemplates.map((definition, at) => ({
      key: `template:${definition.uriTemplate}`,
      definition,
      path: ['resourceTemplates', at] as [string, number],
    })),
    ...(catalogue.skills ?? []).map((definition, at) => ({
      key: `skill:${definition.uri}`,
      definition,
      path: ['skills', at] as [string, number],
    })),
  ];
}

export function catalogueHashes(catalogue: Definitions): Record<string, string> {
  return Object.fromEntries(definitionsOf(catalogue).map(({ key, definition }) => [key, definitionHash(definition)]));
}
