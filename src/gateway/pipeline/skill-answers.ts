import { hash } from 'node:crypto';
import type { Policy } from '../../policy/policy.ts';
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import { Hole } from '../../upstreams/messages/hole.ts';
import type { Outcome } from '../../upstreams/upstream.ts';
import { scopedUri } from '../catalogue/names.ts';
import { isBelow, scopedSkill, seenSkill } from '../catalogue/skills.ts';
import type { Call } from './call.ts';

/** A skill that is blessed anew comes with a new bundle, and agents are notified. This is for those that do not listen. */
const ttlMs = 60_000;

/** Answers without asking the upstream: nobody has reviewed what it would say now. */
export function getSkill(call: Call, policy: Policy): Outcome {
  const { owner, name } = call.target!;
  const seen = seenSkill(owner, name, policy, call.agent);
  const skill = call.asked === name ? seen : scopedSkill(owner.id, seen);
  return { result: call.peer.era === 'modern' ? { resultType: 'complete', skill, ttlMs, cacheScope: 'private' } : { skill } };
}

/**
 * A skill is instructions that a model follows, so a file whose digest was blessed passes only unchanged. Hosts check the digest too, but against
 * an entry that comes from the same server as the file.
 */
export function changedSince(call: Call, result: JsonObject): Outcome | undefined {
  const { owner, name } = call.target!;
  const files = owner.catalogue.skills.flatMap((skill) => (skill.resources === 'dynamic' || !isBelow(name, skill) ? [] : skill.resources));
  const blessed = files.filter((file) => file.uri === name);
  if (blessed.length === 0 || result['resultType'] === 'input_required') return undefined;
  const [content, ...more] = Array.isArray(result['contents']) ? (result['contents'] as unknown[]) : [];
  const bytes = more.length === 0 && isObject(content) ? bytesOf(content) : undefined;
  const digest = bytes && `sha256:${hash('sha256', bytes, 'hex')}`;
  if (blessed.every((file) => file.digest === digest && file.size === bytes?.length)) return undefined;
  const message =
    `${JSON.stringify(call.asked)} on ${owner.title} is not the file that the company blessed, so it is not passed on. ` +
    `Do not retry: ask the person to have ${owner.title} reviewed and blessed anew.`;
  return { error: { code: 403, message } };
}

function bytesOf(content: JsonObject): Buffer | undefined {
  const [text, blob] = [content['text'], content['blob']].map((value) => (value instanceof Hole ? value.value() : value));
  if (typeof text === 'string') return Buffer.from(text, 'utf8');
  return typeof blob === 'string' ? Buffer.from(blob, 'base64') : undefined;
}

/** What a folder holds now, as far as it was blessed and the agent may read it; a hidden skill inside another one stays hidden. */
export function children(call: Call, listed: unknown, policy: Policy | undefined): JsonObject[] {
  const { owner, name } = call.target!;
  const shown: JsonObject[] = [];
  for (const child of Array.isArray(listed) ? listed : []) {
    const uri = isObject(child) ? child['uri'] : undefined;
    if (typeof uri !== 'string' || !uri.startsWith(`${name}/`)) continue;
    if (!policy || policy.preview({ action: 'read', server: owner.id, name: uri, agent: call.agent }).effect === 'deny') continue;
    shown.push(call.asked === name ? child : { ...child, uri: scopedUri(owner.id, uri) });
  }
  return shown;
}
