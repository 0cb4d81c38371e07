import assert from 'node:assert/strict';
import { type Bundle, bundle as bundleSchema, type ServerEntry, serverEntry, type ToolFacts } from '../../src/bundle/schema.ts';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { type Knowledge, knowledgeOf } from '../../src/policy/authoring/knowledge.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { type DecisionRequest, openPolicy, type Policy } from '../../src/policy/policy.ts';

/** Monday, 10:00 UTC. */
export const monday = Date.parse('2026-11-23T10:00:00Z');

const reading: ToolFacts = { readOnly: true, destructive: false, openWorld: false, tags: ['safe'] };
const writing: ToolFacts = { readOnly: false, destructive: true, openWorld: true, tags: [] };

const object = (properties: Record<string, unknown>) => ({ type: 'object', properties });

/** Two small servers that every test of this folder knows. */
export const files: ServerEntry = serverEntry.parse({
  id: 'files',
  name: 'com.example/files',
  title: 'Files',
  description: 'Files',
  version: '1.0.0',
  url: 'https://files.example.com/mcp',
  dataClass: 'confidential',
  owner: 'it',
  roots: ['/srv/ok'],
  catalogue: {
    tools: [
      {
        name: 'read',
        inputSchema: object({ path: { type: 'string' }, depth: { type: 'number' }, tags: { type: 'array', items: { type: 'string' } } }),
      },
      { name: 'write', inputSchema: object({ path: { type: 'string' }, content: { type: 'string' }, count: { type: 'integer' } }) },
      { name: 'remove', inputSchema: object({ project: { type: 'string' }, force: { type: 'boolean' } }) },
    ],
    prompts: [{ name: 'summary', arguments: [{ name: 'topic' }] }],
    resources: [
      { uri: 'file:///srv/ok/a.txt', name: 'a' },
      { uri: 'file:///etc/passwd', name: 'passwd' },
    ],
    resourceTemplates: [{ uriTemplate: 'file:///{path}', name: 'any' }],
  },
  tools: { read: reading, write: writing, remove: writing },
});

export const web: ServerEntry = serverEntry.parse({
  ...files,
  id: 'web',
  dataClass: 'public',
  catalogue: {
    tools: [
      { name: 'fetch', inputSchema: object({ url: { type: 'string' } }) },
      { name: 'bare', inputSchema: { type: 'object' } },
    ],
  },
  tools: { fetch: reading },
});

export const knowledge: Knowledge = knowledgeOf([files, web], ['staff', 'devs', 'red', 'blue']);

export const discoverAll = '@id("SEE") permit(principal, action == Action::"discover", resource);\n';
export const allowAll = '@id("ALL") @reason("All may.") permit(principal, action, resource);\n';

export function bundleOf(text: string, fields: Partial<Bundle> = {}): Bundle {
  const { policies, problems } = compilePolicies([{ file: 'test.cedar', text }], knowledge);
  assert.deepEqual(
    problems.filter((problem) => problem.severity === 'error'),
    [],
  );
  return bundleSchema.parse({
    format: 1,
    company: { id: 'test', name: 'Test' },
    version: 7,
    groups: ['staff', 'devs', 'blue'],
    issuedAt: '2026-11-23T00:00:00Z',
    staleAfter: '2026-11-30T00:00:00Z',
    notAfter: '2026-12-30T00:00:00Z',
    servers: [files, web],
    policies,
    ...fields,
  });
}

export function policyOf(text: string, options: Partial<Bundle> & { now?: () => number; managed?: boolean } = {}): Policy {
  const { now = () => monday, managed = true, ...rest } = options;
  return openPolicy(bundleOf(text, rest), { person: 'ann', device: { os: 'linux', appVersion: '0.1.0', managed }, now });
}

/** A call of a tool of `files`, unless said otherwise. */
export const call = (name: string, args: Record<string, unknown> = {}, rest: Partial<DecisionRequest> = {}): DecisionRequest => ({
  action: 'call',
  server: 'files',
  name,
  args,
  agent: 'codex',
  ...rest,
});

await loadValidation();
