import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { nearest } from '../../base/nearest.ts';
import { membersOf, mentionsOf } from '../deciding/condition.ts';
import { escapeKey } from '../deciding/encode.ts';
import { readObligations } from '../deciding/obligations.ts';
import { actionMatches, type Uid } from '../deciding/scope.ts';
import { type Knowledge, nameOf, type ScopeArguments } from './knowledge.ts';

/** What is wrong with one policy. `near`: text of the policy that shows the place. */
export interface Finding {
  severity: 'error' | 'warning';
  message: string;
  fix: string;
  near?: string | RegExp;
}

const actions = ['discover', 'call', 'get', 'read'] as const;
const duties = ['approval', 'redact', 'limit'];
const annotationNames = ['id', 'reason', ...duties];
const literal = ({ type, id }: Uid): string => `${type}::${JSON.stringify(id)}`;

/** Annotations: what a rule is called, why it is there, what it asks for. A misspelt one would silently ask for nothing. */
export function checkAnnotations(json: PolicyJson, annotations: Readonly<Record<string, string>>): Finding[] {
  const findings: Finding[] = [];
  if (!annotations['id'])
    findings.push({
      severity: 'warning',
      message: 'the policy has no @id',
      fix: 'give it one, such as @id("R-17"): it is what people see and quote',
    });
  else if (!/^[A-Za-z0-9][\w./#-]{0,99}$/.test(annotations['id'])) {
    findings.push({
      severity: 'error',
      message: `@id("${annotations['id']}") cannot be used`,
      fix: 'use up to 100 letters, digits, ".", "/", "#", "_" and "-"',
      near: '@id',
    });
  }
  if (json.effect === 'forbid' && !annotations['reason']) {
    findings.push({
      severity: 'warning',
      message: 'the forbid has no @reason',
      fix: 'say why with @reason("..."): it is all that the refused person is told',
    });
  }
  for (const { annotation, message, fix } of readObligations(annotations).mistakes)
    findings.push({ severity: 'error', message, fix, near: `@${annotation}` });
  for (const name of Object.keys(annotations)) {
    if (annotationNames.includes(name)) {
      if (duties.includes(name) && json.effect === 'forbid') {
        findings.push({
          severity: 'warning',
          message: `@${name} does nothing on a forbid`,
          fix: `put @${name} on a permit, or remove it`,
          near: `@${name}`,
        });
      } else if (duties.includes(name) && !['call', 'get', 'read'].some((action) => actionMatches(json.action, action as 'call'))) {
        findings.push({
          severity: 'warning',
          message: `@${name} does nothing on a policy for discover alone`,
          fix: `put @${name} on the permit for call`,
          near: `@${name}`,
        });
      }
      continue;
    }
    if (name.startsWith('x_')) continue;
    const meant = nearest(name, annotationNames) ?? annotationNames.find((annotation) => name.toLowerCase().includes(annotation));
    findings.push({
      severity: 'error',
      message: `@${name} is not known`,
      fix: meant === undefined ? `remove it, or call it @x_${name} if it is a note for people` : `did you mean @${meant}?`,
      near: `@${name}`,
    });
  }
  return findings;
}

/** Names of things that do not exist: a permit for one does nothing, and a forbid for one protects nothing. */
export function checkNames(json: PolicyJson, knowledge: Knowledge): Finding[] {
  const servers = new Map(knowledge.servers.map((server) => [server.id, server]));
  const unknown = (
    uid: Uid,
    kind: string,
    name: string,
    names: Iterable<string>,
    write: (name: string) => string,
    severity: Finding['severity'] = 'error',
  ): Finding => {
    const meant = nearest(name, names);
    const fix = meant === undefined ? `correct the name, or add the ${kind} to the company's folder` : `did you mean ${write(meant)}?`;
    return { severity, message: `${kind} ${JSON.stringify(name)} is not known`, fix, near: literal(uid) };
  };
  const inServer = (uid: Uid, kind: string, list: 'tools' | 'prompts' | 'resources'): Finding[] => {
    const slash = uid.id.indexOf('/');
    if (slash < 0)
      return [
        {
          severity: 'error',
          message: `${literal(uid)} does not say of which server`,
          fix: `write ${uid.type}::"server/${uid.id}"`,
          near: literal(uid),
        },
      ];
    const [id, name] = [uid.id.slice(0, slash), uid.id.slice(slash + 1)];
    const server = servers.get(id);
    if (!server) return [unknown(uid, 'server', id, servers.keys(), (meant) => literal({ type: uid.type, id: `${meant}/${name}` }))];
    const names = server[list].map(nameOf);
    if (names.includes(name)) return [];
    // A URI may be read without being listed, under a template or because the server says so.
    return [
      unknown(
        uid,
        `${kind} of ${id}`,
        name,
        names,
        (meant) => literal({ type: uid.type, id: `${id}/${meant}` }),
        list === 'resources' ? 'warning' : 'error',
      ),
    ];
  };
  return entitiesIn(json).flatMap((uid): Finding[] => {
    switch (uid.type) {
      case 'Group':
        return knowledge.groups.length === 0 || knowledge.groups.includes(uid.id)
          ? []
          : [unknown(uid, 'group', uid.id, knowledge.groups, (meant) => literal({ ...uid, id: meant }))];
      case 'Server':
        return servers.has(uid.id) ? [] : [unknown(uid, 'server', uid.id, servers.keys(), (meant) => literal({ ...uid, id: meant }))];
      case 'Tool':
        return inServer(uid, 'tool', 'tools');
      case 'Prompt':
        return inServer(uid, 'prompt', 'prompts');
      case 'Resource':
        return inServer(uid, 'resource', 'resources');
      case 'Action':
        if ((actions as readonly string[]).includes(uid.id)) return [];
        return [
          {
            severity: 'error',
            message: `action ${JSON.stringify(uid.id)} is not known`,
            fix: `did you mean ${literal({ ...uid, id: nearest(uid.id, actions) ?? 'call' })}?`,
            near: literal(uid),
          },
        ];
      default:
        return [];
    }
  });
}

/** Arguments that nothing in the scope has. Guarded with `has`, as they should be, they make no type error but a rule that never holds. */
export function checkArguments(json: PolicyJson, { call, get }: ScopeArguments): Finding[] {
  const records = [actionMatches(json.action, 'call') ? call : undefined, actionMatches(json.action, 'get') ? get : undefined].filter(
    (record) => record !== undefined,
  );
  const declared = records.flatMap((record) => [...record.members.keys()].map(escapeKey));
  const open = records.some((record) => record.open);
  const names = [...(membersOf(mentionsOf(json), 'args') ?? [])].filter((name) => !open && !declared.includes(name));
  return names.map((name) => {
    const meant = nearest(name, declared);
    return {
      severity: 'warning',
      message: `nothing that this policy can apply to has the argument ${JSON.stringify(name)}`,
      fix: meant === undefined ? 'correct the name, or widen the scope' : `did you mean ${JSON.stringify(meant)}?`,
      near: new RegExp(`(?<=\\bargs\\s*(\\.|\\bhas\\b|\\[)\\s*"?)${name.replace(/[^\w]/g, '\\$&')}`, 'u'),
    };
  });
}

function entitiesIn(json: unknown): Uid[] {
  const entities = new Map<string, Uid>();
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, id } = node as Partial<Uid>;
    if (typeof type === 'string' && typeof id === 'string' && Object.keys(node).length === 2)
      entities.set(literal({ type, id }), { type, id });
    for (const part of Object.values(node)) walk(part);
  };
  walk(json);
  return [...entities.values()];
}
