import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import type { ServerSignIn } from '../../src/contract/servers.ts';
import type { View } from '../../src/contract/view.ts';
import { serveWindow } from '../support/window.ts';
import { axe, launch, noChromium, openPage, overflow } from './browser.ts';
import { iso, ports, type SceneOptions, scene, view } from './scene.ts';
import { beside, consents, limitedAgents, policy } from './scene-agents.ts';
import { servers } from './scene-servers.ts';

const hour = 3_600_000;
const out = (change: Partial<View['identity']>, company?: Partial<View['company']>): SceneOptions => ({
  view: { identity: { state: 'signed-out', ...change }, company: { ...view().company, ...company } },
});
const signIn = (state: ServerSignIn): SceneOptions => ({
  view: { servers: servers().map((row) => (row.id === 'tickets' ? { ...row, signIn: state } : row)) },
});
const prompt = { method: 'device', url: 'https://login.northwind.example/device', userCode: 'WDJB-MJHT', expiresAt: iso(-hour) } as const;
const offline = new Failure('unavailable', 'The catalogue could not be read.', 'Try again in a moment.');

/** Each state a page can be in: where it is, what the host shows, and words that prove it is there. */
const states: Record<string, { at: string; options?: SceneOptions; says: string }> = {
  overview: { at: '#/', says: 'Engineers may read tickets of every project' },
  'overview, first use': { at: '#/', options: { view: { agents: [] }, records: 0 }, says: 'Connect your first agent' },
  'overview, stale': {
    at: '#/',
    options: { view: { bundle: { state: 'stale', version: 42, staleAfter: iso(hour) } } },
    says: 'only tools that read are allowed',
  },
  'overview, expired': {
    at: '#/',
    options: { view: { bundle: { state: 'expired', version: 42, notAfter: iso(hour) } } },
    says: 'every call is denied',
  },
  'overview, refused': {
    at: '#/',
    options: {
      view: { bundle: { state: 'refused', version: 42, error: { code: 'integrity', message: 'The signature does not fit the key.' } } },
    },
    says: 'The signature does not fit the key.',
  },
  'overview, offline': {
    at: '#/',
    options: { view: { company: { ...view().company, state: 'offline' } } },
    says: 'the last policy still holds',
  },
  'overview, gateway failed': {
    at: '#/',
    options: {
      view: { gateway: { state: 'failed', error: { code: 'conflict', message: 'Port 4283 is taken.', fix: 'End the other program.' } } },
    },
    says: 'Port 4283 is taken.',
  },
  'overview, port taken': { at: '#/', options: { view: { gateway: ports.taken() } }, says: 'It may have been sent the tokens of 4 agents' },
  'overview, port taken and policy stale': {
    at: '#/',
    options: { view: { gateway: ports.taken(), bundle: { state: 'stale', version: 42, staleAfter: iso(hour) } } },
    says: 'only tools that read are allowed',
  },
  'overview, port taken in part': { at: '#/', options: { view: { gateway: ports.beside() } }, says: 'Port 4283 on [::1] is held by' },
  'overview, tokens may have leaked': { at: '#/', options: { view: { gateway: ports.leaked() } }, says: '2 tokens may have leaked.' },
  'overview, port not checked': { at: '#/', options: { view: { gateway: ports.unsure() } }, says: 'It could not be checked' },
  servers: { at: '#/servers', says: '7 servers that your company has approved for you' },
  'servers, none': { at: '#/servers', options: { view: { servers: [] } }, says: 'No servers for you yet' },
  'server, tools': { at: '#/servers/tickets', says: 'nobody removes them by machine' },
  'server, tool': { at: '#/servers/tickets/tools/delete_ticket', says: 'Your company’s policy does not allow this tool.' },
  'server, prompts': { at: '#/servers/tickets/prompts', says: 'weekly_report' },
  'server, no prompts': { at: '#/servers/crm/prompts', says: 'No prompts' },
  'server, resources': { at: '#/servers/tickets/resources', says: 'tickets://{project}/{number}' },
  'server, use': { at: '#/servers/tickets/use', says: 'Most used tools' },
  'server, signed in': {
    at: '#/servers/tickets',
    options: signIn({ state: 'signed-in', account: 'ada@northwind.example', until: iso(-hour) }),
    says: 'ada@northwind.example',
  },
  'server, signed out': { at: '#/servers/tickets', options: signIn({ state: 'signed-out' }), says: 'wants to know who you are' },
  'server, signed in, and asked again': {
    at: '#/servers/tickets',
    options: signIn({ state: 'signed-in', wanted: true }),
    says: 'Sign in once more.',
  },
  'server, signing in': { at: '#/servers/tickets', options: signIn({ state: 'signing-in' }), says: 'Finish in your browser.' },
  'server, sign-in not readable': {
    at: '#/servers/tickets',
    options: signIn({ state: 'unknown' }),
    says: 'Unlock this computer’s keychain',
  },
  'servers, one wants a sign-in': { at: '#/servers', options: signIn({ state: 'signed-out' }), says: 'Sign in' },
  'overview, a server wants a sign-in': { at: '#/', options: signIn({ state: 'signed-out' }), says: 'wants you to sign in' },
  'server, unreachable': { at: '#/servers/releases', says: '502 Bad Gateway' },
  'server, unknown': { at: '#/servers/nothing', says: 'This server is not there for you' },
  'server, error': { at: '#/servers/tickets', options: { fail: { 'server-get': offline } }, says: 'Try again in a moment.' },
  'server, 2,000 tools': { at: '#/servers/tickets', options: { tools: 2000, longNames: true }, says: 'tool_0002' },
  agents: { at: '#/agents', says: 'nightly report' },
  'agents, found on the machine': { at: '#/agents', says: 'Our entry was changed by somebody else.' },
  'agents, none found on the machine': { at: '#/agents', options: { detected: [] }, says: 'On this machine' },
  'agents, servers beside the gate': { at: '#/agents', says: 'What stands in it is not known.' },
  'agents, no server beside the gate': {
    at: '#/agents',
    options: { beside: { servers: [], unread: [], files: 3, compared: true, moved: [] } },
    says: 'No server was found in the agents’ own configuration.',
  },
  'agents, servers beside the gate, not compared': {
    at: '#/agents',
    options: { beside: { ...beside(), compared: false } },
    says: 'blessed is not known',
  },
  'agents, scan failed': { at: '#/agents', options: { fail: { 'agents-scan': offline } }, says: 'beside the gate could not be looked for' },
  'agents, not looked for': { at: '#/agents', options: { fail: { 'agents-detect': offline } }, says: 'could not be looked for' },
  'agents, held to the gateway': { at: '#/agents', says: 'no servers but those behind Gatehouse' },
  'agents, held to the gateway and others': {
    at: '#/agents',
    options: { policy: { ...policy(), otherServers: [{ name: 'wiki', url: 'https://wiki.example/mcp' }] } },
    says: 'no servers but wiki',
  },
  'agents, not told what they are held to': { at: '#/agents', options: { fail: { 'agents-policy': offline } }, says: 'It cannot be told' },
  'agents, none': { at: '#/agents', options: { view: { agents: [] } }, says: 'No agent is connected yet' },
  'agents, port taken': { at: '#/agents', options: { view: { gateway: ports.taken() } }, says: 'no agent is added' },
  'agents, port taken, none there': {
    at: '#/agents',
    options: { view: { gateway: ports.taken([]), agents: [] } },
    says: 'No token that still works can have leaked to it.',
  },
  'agents, port taken in part': { at: '#/agents', options: { view: { gateway: ports.beside() } }, says: 'Replaced' },
  'agents, tokens may have leaked': { at: '#/agents', options: { view: { gateway: ports.leaked() } }, says: 'Keep these tokens…' },
  'agents, port not checked': { at: '#/agents', options: { view: { gateway: ports.unsure() } }, says: 'No agent can be added now' },
  'agents, adding, port taken': { at: '#/agents/add', options: { view: { gateway: ports.taken() } }, says: 'No agent can be added now' },
  'agents, adding': { at: '#/agents/add', says: 'It gets a token of its own' },
  'overview, an agent wants to sign in': {
    at: '#/',
    options: { view: { consents: consents().slice(0, 1) } },
    says: 'It calls itself “Claude Code”.',
  },
  'agents, one wants to sign in': {
    at: '#/agents',
    options: { view: { consents: consents().slice(0, 1) } },
    says: 'An agent wants to sign in',
  },
  'agents, some want to sign in, others are limited': {
    at: '#/agents',
    options: { view: { consents: consents(), agents: limitedAgents() } },
    says: '3 agents want to sign in',
  },
  'agents, allowing a known one': {
    at: '#/agents/requests/KQ7-3MX',
    options: { view: { consents: consents() } },
    says: 'Any program on this computer can pose as it.',
  },
  'agents, allowing one for a server': {
    at: '#/agents/requests/BWF-H49',
    options: { view: { consents: consents() } },
    says: 'Itself only: it registered itself',
  },
  'agents, allowing one from the web again': {
    at: '#/agents/requests/ZT6-RRP',
    options: { view: { consents: consents() } },
    says: 'The answer leaves this computer.',
  },
  'agents, allowing, port taken': {
    at: '#/agents/requests/KQ7-3MX',
    options: { view: { consents: consents(), gateway: ports.taken() } },
    says: 'No agent can be allowed now',
  },
  'agents, allowing one that is gone': { at: '#/agents/requests/XXX-XXX', says: 'This agent waits no more' },
  activity: { at: '#/activity', says: 'publish_release' },
  'activity, record': { at: '#/activity/4208', says: 'Refused, nothing was sent' },
  'activity, none': { at: '#/activity', options: { records: 0 }, says: 'Nothing has happened yet' },
  'activity, no match': { at: '#/activity?text=zzz', says: 'No record matches' },
  'activity, error': { at: '#/activity', options: { fail: { 'activity-list': offline } }, says: 'The activity could not be read' },
  settings: { at: '#/settings', says: '/home/ada/.local/share/gatehouse' },
  unknown: { at: '#/no/such/page', says: 'There is no such page.' },
  'signed out': { at: '#/', options: out({}), says: 'Sign in to Northwind' },
  'sign-in failed': {
    at: '#/',
    options: out({ error: { code: 'denied', message: 'The sign-in was refused.', fix: 'Ask IT.' } }),
    says: 'The sign-in was refused.',
  },
  'signing in by code': { at: '#/', options: out({ state: 'signing-in', prompt }), says: 'WDJB-MJHT' },
  'sign-in ended, offline': { at: '#/', options: out({ state: 'expired' }, { state: 'offline' }), says: 'Sign in again' },
  unconfigured: { at: '#/', options: out({}, { state: 'unconfigured' }), says: 'Not set up yet' },
};

describe('each page in each state', { skip: noChromium, concurrency: 2 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  for (const [name, { at, options, says }] of Object.entries(states)) {
    test(`${name}: no fault in the console, none for axe, no sideways scroll`, async (t) => {
      const empty = options?.records === 0 ? { lastCall: undefined as never } : {};
      const served = await serveWindow(scene({ ...options, view: { ...options?.view, ...empty } }));
      t.after(() => served.close());
      const { page, faults, close } = await openPage(browser);
      t.after(close);
      await page.goto(served.url);
      await page.locator('main').waitFor();
      await page.evaluate(`location.hash = ${JSON.stringify(at)}`);
      await page.getByText(says).first().waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await axe(page), [], colorScheme);
      }
      for (const width of [800, 420]) {
        await page.setViewportSize({ width, height: 900 });
        await page.waitForTimeout(60);
        assert.equal(await overflow(page), 0, `${width} px`);
      }
      assert.deepEqual(await axe(page), [], 'narrow');
      assert.deepEqual(faults, []);
    });
  }
});
