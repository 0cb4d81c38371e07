// A rule on hosts is worth as much as what it takes for a host. Programs disagree on where one begins and ends, so real ones are asked here.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import legacyUrl from 'node:url';
import fc from 'fast-check';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ArgumentKind } from '../../src/bundle/schema.ts';
import { questionsOf, unaskable, visitsOf } from '../../src/gateway/rounds/questions.ts';
import { compilePolicies } from '../../src/policy/authoring/compile.ts';
import { hostFacts, pathFacts } from '../../src/policy/deciding/derive.ts';
import { placeOf } from '../../src/policy/deciding/paths.ts';
import { openSpellings } from '../../src/policy/deciding/spellings.ts';
import { loadValidation } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';
import { allowAll, entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

await loadValidation();

function subject(text: unknown, kind?: ArgumentKind) {
  const shape = { members: new Map([['target', { members: new Map(), ...(kind ? { kind } : {}) }]]) };
  return { value: { target: text }, shape, place: placeOf(['/srv'], false), recursive: true };
}
const facts = (text: unknown, kind?: ArgumentKind) => hostFacts(subject(text, kind), () => {});

/** By itself, so that the reader is not judged by its own help: what the system connects to when it is given this name. */
function contacted(host: string): string {
  const name = host.replace(/^\[|\]$/g, '');
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(name);
  if (mapped) {
    const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  if (name.includes(':')) {
    const short = new URL(`http://[${name}]/`).hostname;
    return short === host || short === `[${host}]` ? short : contacted(short);
  }
  return (URL.parse(`http://${name}/`)?.hostname ?? name.toLowerCase()).replace(/\.$/, '');
}

const scheme = fc.constantFrom(
  ...['http://', 'http://', 'http://', 'https://', 'HTTP://', 'http:', 'http:/', 'http:///', 'http:\\\\', 'http:/\\', 'ftp://', 'ws://'],
  ...['//', '///', '/\\/', '\\\\', '////', '', '', ' http://', 'redis:', 'redis://', '\u0001http://', 'ht\ttp://', '\uff48ttp://'],
);
const user = fc.constantFrom(
  ...[
    '',
    '',
    '',
    'good.example@',
    'a:b@',
    'good.example\\@',
    'a@b@',
    'good.example#@',
    'good.example?@',
    'good.example;@',
    'good.example:80\\@',
  ],
  ...['good.example%40', 'good.example\t@', 'good.example/@', '@', 'good.example:80@', 'good.example,'],
);
const host = fc.constantFrom(
  ...[
    'evil.example',
    'EVIL.example.',
    '127.0.0.1',
    '0x7f.1',
    '127.1',
    '2130706433',
    '0177.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
  ],
  ...[
    'b\u00fccher.example',
    'stra\u00dfe.example',
    'ev%69l.example',
    'evil\u3002example',
    'ev\u00adil.example',
    'ev\u200bil.example',
    '\uff45vil.example',
  ],
  ...[
    'evil.example,good.example',
    'evil.example;.good.example',
    "evil.example'.good.example",
    'evil.example%2f.good.example',
    'evil_a.example',
  ],
  ...[
    'evil.example\t.good.example',
    'evil.example{.good.example',
    'evil.example*good.example',
    'evil.example good.example',
    'good.example|evil.example',
  ],
  ...[
    'xn--bcher-kva.example',
    'localhost',
    'evil',
    '[0:0:0:0:0:ffff:7f00:1]',
    '[::ffff:0:1]',
    'evil..example',
    '.evil.example',
    '1.2.3.4.5',
  ],
);
const port = fc.constantFrom('', '', '', ':80', ':', ':x', ':80:90', ':080', ':99999');
const tail = fc.constantFrom(
  '',
  '/',
  '/p',
  '\\p',
  '?q=good.example',
  '#@good.example/',
  '/@good.example/',
  '\\@good.example/',
  '?@good.example',
  ';good.example',
);
const address = fc.tuple(scheme, user, host, port, tail).map((parts) => parts.join(''));

/** What a program puts `http://` before: it begins with no scheme and is no path. */
const named = (text: string) => !/^[\s/\\.]|^[^/?#@.[]*:/.test(text);
const base = 'base.example';
/** Each gives the host that it would connect to, or undefined where it does not connect. */
const readers: [string, (text: string) => string | null | undefined][] = [
  ['WHATWG', (text) => new URL(text).hostname],
  ['WHATWG with a base', (text) => new URL(text, `http://${base}/`).hostname],
  ['WHATWG behind http://', (text) => (!named(text) ? undefined : new URL(`http://${text}`).hostname)],
  ['url.parse', (text) => legacyUrl.parse(text).hostname],
  ['url.parse with slashes', (text) => legacyUrl.parse(text, false, true).hostname],
  ['url.resolve', (text) => legacyUrl.parse(legacyUrl.resolve(`http://${base}/`, text)).hostname],
  ['url.parse behind http://', (text) => (!named(text) ? undefined : legacyUrl.parse(`http://${text}`).hostname)],
];

/** A port that was taken for a host: 0.0.0.0/8 is no network, but for its first address; `080` is no address, and DNS has no empty labels. */
const nowhere = (to: string) => (/^0\./.test(to) && to !== '0.0.0.0') || /^0\d*$|^\.|\.\./.test(to);

/** Whether a rule on hosts sees it: the host is among the facts, or they cannot be told. */
function seen(text: string, to: string, kind: ArgumentKind | undefined): boolean {
  const hosts = facts(text, kind);
  const name = contacted(to);
  if (hosts === undefined || hosts.includes(name)) return true;
  // What nobody calls a host has to look like one; an odd name, that no rule can forbid, has to be in the way of every rule that permits.
  const odd = (host: string) => !/^(?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-f:]+\])$/.test(host);
  return kind === undefined && (!/[.:]/.test(name) || (odd(name) && hosts.some(odd)));
}

test('whatever host a program would take from a text is among the facts, or they cannot be told', () => {
  const counts = new Map<string, number>();
  let told = 0;
  fc.assert(
    fc.property(address, fc.constantFrom<(ArgumentKind | undefined)[]>('url', undefined), (text, kind) => {
      if (facts(text, kind)) told++;
      for (const [name, read] of readers) {
        let to: string | null | undefined;
        try {
          to = read(text);
        } catch {
          continue;
        }
        if (!to || to === base || nowhere(contacted(to))) continue;
        counts.set(name, (counts.get(name) ?? 0) + 1);
        assert.ok(
          seen(text, to, kind),
          `${JSON.stringify(text)} as ${kind}: ${name} goes to ${to}, facts ${JSON.stringify(facts(text, kind))}`,
        );
      }
    }),
    { numRuns: 6000, seed: 11 },
  );
  assert.ok(told > 1500, `only ${told} could be told`);
  for (const [name] of readers) assert.ok((counts.get(name) ?? 0) > 150, `${name} read ${counts.get(name)}`);
});

test('what fetch connects to is among the facts', async () => {
  let to = '';
  const dispatcher = new Agent({
    connect: ({ hostname }, done) => {
      to = hostname;
      done(new Error('not connected'), null);
    },
  });
  let went = 0;
  for (const text of fc.sample(address, { numRuns: 1500, seed: 5 })) {
    to = '';
    await undiciFetch(text, { dispatcher }).catch(() => {});
    if (to === '') continue;
    went++;
    assert.ok(seen(text, to, 'url'), `${JSON.stringify(text)}: fetch goes to ${to}, facts ${JSON.stringify(facts(text, 'url'))}`);
  }
  await dispatcher.close();
  assert.ok(went > 200, `${went}`);
});

const curl = spawnSync('curl', ['--version']).status === 0;

test('what curl connects to is among the facts', { skip: curl ? false : 'curl is not installed' }, async () => {
  const went = new Map<number, string>();
  // Both kinds of headers reach a proxy that is no tunnel.
  const indexOf = ({ headers }: http.IncomingMessage) => Number.parseInt(String(headers['x-index']), 10);
  // A proxy is told the host; only it is ever connected to.
  const proxy = http.createServer((request, response) => {
    const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(request.url!)?.[1] ?? '';
    went.set(indexOf(request), authority.replace(/^.*@/, '').replace(/:\d*$/, ''));
    response.end();
  });
  proxy.on('connect', (request, socket) => {
    went.set(indexOf(request), request.url!.replace(/:\d*$/, ''));
    socket.end('HTTP/1.1 502 No\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const texts = fc.sample(address, { numRuns: 1500, seed: 3 });
  const quoted = (text: string) => text.replace(/[\\"]/g, '\\$&').replaceAll('\t', '\\t').replaceAll('\n', '\\n');
  const to = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const config = texts.map((text, at) =>
    [`url = "${quoted(text)}"`, `proxy = "${to}"`, 'noproxy = ""', 'globoff', 'silent', 'max-time = 5', 'output = "/dev/null"']
      .concat([`header = "x-index: ${at}"`, `proxy-header = "x-index: ${at}"`])
      .join('\n'),
  );
  try {
    const child = execFile('curl', ['-q', '-K', '-'], () => {});
    child.stdin!.end(config.join('\nnext\n'));
    await once(child, 'close');
    assert.ok(went.size > 150, `${went.size}`);
    for (const [at, name] of went) {
      const text = texts[at]!;
      assert.ok(seen(text, name, 'url'), `${JSON.stringify(text)}: curl goes to ${name}, facts ${JSON.stringify(facts(text, 'url'))}`);
    }
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});

const see = '@id("SEE") @reason("x") permit(principal, action == Action::"discover", resource);';
function decider(policies: string) {
  const tools = [{ name: 'go', inputSchema: { type: 'object', properties: { target: {}, url: {} } } }];
  const bundle = makeBundle({ servers: [entry({ id: 'web', url: 'http://127.0.0.1:9/mcp', tools })], policies });
  const policy = openPolicy(bundle, { person: 'pat', device: { os: 'linux', appVersion: '0', managed: false }, now: Date.now });
  return (args: Record<string, unknown>) => policy.decide({ action: 'call', server: 'web', name: 'go', agent: 'a', args }).effect;
}

test('a forbidden host is forbidden, and another than the permitted one is not permitted, however either is written', () => {
  const forbids = decider(
    `${allowAll} @id("NO") @reason("x") forbid(principal, action == Action::"call", resource) when { context.hosts.containsAny(["127.0.0.1", "evil.example"]) };`,
  );
  const permits = decider(
    `${see} @id("OK") @reason("x") permit(principal, action == Action::"call", resource) when { ["good.example"].containsAll(context.hosts) };`,
  );
  for (const url of [
    'http://good.example\\@127.0.0.1:80/',
    '///127.0.0.1:80/',
    '/\\/127.0.0.1:80/',
    '\\\\\\127.0.0.1',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[64:ff9b::7f00:1]/',
    'git+https:///evil.example/x',
    'http://0177.0.0.1/',
    'http://evil.example\t.good.example/',
    'http://evil.example#@good.example/',
    'good.example\\@evil.example',
  ]) {
    assert.equal(forbids({ url }), 'deny', url);
    assert.equal(permits({ url }), 'deny', url);
    assert.equal(forbids({ target: url }), 'deny', url);
  }
  for (const target of [
    'evil.example:org/repo',
    'evil.example,other.example',
    'a+b@evil.example:repo',
    'root@evil.example',
    'good.example,evil.example',
    'good.example evil.example',
    '["good.example", "evil.example"]',
    '["http://good.example","http://evil.example/x"]',
    'good.example,http://evil.example',
    'http://good.example/,http://evil.example/',
    '--url=http://evil.example',
    '--host=evil.example',
  ]) {
    assert.equal(forbids({ target }), 'deny', target);
    assert.equal(permits({ target }), 'deny', target);
  }
  for (const target of [
    'other.example',
    'https://good.example/?next=http://evil.example',
    'word',
    'Dear all, see evil.example',
    'foo.bar(x)',
  ])
    assert.equal(forbids({ target }), 'allow', target);
  for (const url of [
    'https://good.example/',
    'git@good.example:a/b',
    'https://u:p@GOOD.example.:8443/x',
    '/relative',
    'https://good.example/?next=http://evil.example',
  ])
    assert.equal(permits({ url }), 'allow', url);
});

/** What is given to the parser while something is done. */
function parsing(work: () => unknown): string[] {
  const { parse, canParse } = URL;
  const parsed: string[] = [];
  URL.parse = (text, above) => {
    parsed.push(String(text));
    return parse.call(URL, text, above);
  };
  URL.canParse = (text, above) => {
    parsed.push(String(text));
    return canParse.call(URL, text, above);
  };
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Error && error.name !== 'TypeError', String(error));
  } finally {
    Object.assign(URL, { parse, canParse });
  }
  return parsed;
}
const letters = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => String.fromCodePoint(0x4e00 + ((at * 7919 + from) % 20_000))).join('');
const longestHost = (urls: readonly string[]) =>
  Math.max(
    0,
    ...urls.map(
      (text) =>
        text
          .trim()
          .replace(/^[a-z]+:[/\\]*/i, '')
          .split(/[/\\?#]/, 1)[0]!
          .split('@')
          .at(-1)!.length,
    ),
  );

test('no host longer than one may be is parsed, and what is equal is parsed once', () => {
  const long = (at: number) => `http://${letters(4000, at)}`;
  const sixteen = Array.from({ length: 16 }, (_, at) => at);
  const error = (urls: string[]) => ({ code: -32042, message: 'm', data: { elicitations: urls.map((url) => ({ mode: 'url', url })) } });
  const capabilities = { elicitation: { url: {} } };
  for (const [title, work, most] of [
    ['URLs', () => facts(sixteen.map(long), 'url'), 0],
    [
      'URLs that can be read in many ways',
      () =>
        facts(
          sixteen.map((at) => ` http://a\t\uff42${letters(3900, at)}' `),
          'url',
        ),
      4,
    ],
    [
      'hosts alone',
      () =>
        facts(
          sixteen.map((at) => letters(4000, at)),
          'url',
        ),
      0,
    ],
    ['hosts of many labels', () => facts(sixteen.map((at) => `http://${sixteen.map((k) => letters(200, k * 31 + at)).join('.')}`)), 0],
    ['hosts of short labels', () => facts(sixteen.map((at) => `x.${'ab.'.repeat(900)}${at}`)), 0],
    [
      'one host many times',
      () =>
        facts(
          Array.from({ length: 200 }, () => 'http://wiki.example/x'),
          'url',
        ),
      1,
    ],
    ['another host each time', () => facts(Array.from({ length: 255 }, (_, at) => `a${at}.x/b${at}.x,http://c${at}.x`)), 600],
    ['files', () => pathFacts(subject(sixteen.map((at) => `file://${letters(3900, at)}/x`)), () => {}), 0],
    ['web addresses among paths', () => pathFacts(subject(sixteen.map(long), 'url'), () => {}), 0],
    ['visits', () => visitsOf(error(Array.from({ length: 150 }, () => long(0)))), 0],
    ['few long visits', () => visitsOf(error(sixteen.map(long))), 0],
    ['visits that are one', () => visitsOf(error(Array.from({ length: 32 }, () => 'https://sign.example/x'))), 6],
    ['a question', () => unaskable({ method: 'elicitation/create', params: { mode: 'url', url: long(1) } }, capabilities), 0],
    ['a spelling', () => openSpellings(['https://wiki.example/x'])(`https://${letters(900)}/x`), 6],
  ] as const) {
    const parsed = parsing(work);
    assert.ok(parsed.length <= most, `${title}: parsed ${parsed.length} times`);
    assert.ok(longestHost(parsed) <= 254, `${title}: parsed a host of ${longestHost(parsed)}`);
  }
});

test('a visit to an address that two programs take to two hosts is refused, and so are too long ones and too many', () => {
  const ask = (url: string) =>
    unaskable({ method: 'elicitation/create', params: { mode: 'url', url } }, { elicitation: { url: {} } })?.code;
  for (const url of [
    'https://good.example\\@evil.example/',
    'https://evil.example;.good.example/',
    `https://good.example/${'x'.repeat(9000)}`,
    'https://good.example#@evil.example/',
  ])
    assert.equal(ask(url), -32602, url.slice(0, 60));
  for (const url of [
    'https://good.example/?to=a@b.example',
    'https://u@good.example:8443/x\\y',
    'https://b\u00fccher.example',
    `https://good.example/${'x'.repeat(4000)}`,
    'http://[::1]:80/',
  ])
    assert.equal(ask(url), undefined, url.slice(0, 60));
  const visits = (count: number) => ({
    code: -32042,
    message: 'm',
    data: { elicitations: Array.from({ length: count }, () => ({ url: 'https://good.example' })) },
  });
  assert.equal(visitsOf(visits(32)).length, 32);
  assert.throws(() => visitsOf(visits(33)), /more than 32 addresses/);
  const questions = (count: number) => ({
    inputRequests: Object.fromEntries(Array.from({ length: count }, (_, at) => [`q${at}`, { method: 'roots/list' }])),
  });
  assert.equal(questionsOf(questions(32)).length, 32);
  assert.throws(() => questionsOf(questions(33)), /more than 32 times at once/);
});

const wiki = 'https://wiki.example/secret';
const spelt = fc
  .tuple(
    fc.constantFrom('https://', 'HTTPS://', 'https:', 'https:/', 'https:\\\\', 'https:////', 'ht\ttps://', ' https://'),
    fc.constantFrom('', 'a@', 'a:b@', 'a@b@', 'good.example%40x@', '@', ':@'),
    fc.constantFrom(
      ...[
        'wiki.example',
        'WIKI.example.',
        'wiki\u3002example',
        'wi\u00adki.example',
        'wi\u200bki.example',
        '\uff57iki.example',
        'w%69ki.example',
        'wi\u212ai.example',
      ],
    ),
    fc.constantFrom('', ':443', ':', ':0443'),
    fc.array(fc.constantFrom('.', 'x/..', '..', '%2e', 'x/%2e%2e'), { maxLength: 3 }),
    fc.constantFrom('secret', 's\tecret', 'secret#x', 'secret?q', 'secret'),
  )
  .map(([start, name, at, to, climb, end]) => `${start}${name}${at}${to}/${[...climb, end].join('/')}`);

test('every text that the URL standard reads as a forbidden URI is a spelling of it', () => {
  const find = openSpellings([wiki, 'https://wiki.example/other', 'file:///etc/passwd']);
  let read = 0;
  fc.assert(
    fc.property(spelt, (text) => {
      const url = URL.parse(text);
      if (url?.hostname.replace(/\.$/, '') !== 'wiki.example' || url.pathname !== '/secret') return;
      read++;
      assert.ok(find(text).includes(wiki), JSON.stringify(text));
    }),
    { numRuns: 3000, seed: 2 },
  );
  assert.ok(read > 1500, `${read}`);
});

test('no spelling of a forbidden URI reaches the server, where the whole server may be read', async () => {
  const upstream = await openRpcServer({ 'resources/read': ({ params }) => ({ contents: [{ uri: params['uri'], text: 'x' }] }) });
  const forbid = (uri: string) => `forbid(principal, action == Action::"read", resource == Resource::"one/${uri}");`;
  const policies = `${allowAll}\n@id("W") @reason("x") ${forbid(wiki)}\n@id("F") @reason("x") ${forbid('file:///etc/passwd')}`;
  const resources = [wiki, 'file:///etc/passwd'].map((uri) => ({ uri, name: 's' }));
  const catalogue = { tools: [], resources, capabilities: { resources: {} } };
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, catalogue })], policies }));
  try {
    const session = await legacySession(house.url, house.token);
    const read = async (uri: string) => (await session.send('resources/read', { uri })).json();
    for (const uri of [
      'https://wiki.example:443/secret',
      'https://wiki.example./secret',
      'https://a@wiki.example/secret',
      'https://good.example\\@wiki.example/secret',
      'https://wiki\u3002example/secret',
      'https://wi\u00adki.example/secret',
      'https://wi\u200bki.example/secret',
      'https://wiki.example/../secret',
      'https://wiki.example/%2525252573ecret',
      `https://wiki.example/%${'25'.repeat(200)}73ecret`,
      `https://${'a'.repeat(300)}.example/secret`,
      'file://[::1]/etc/passwd',
      'file://127.1/etc/passwd',
      'file://[::ffff:127.0.0.1]/etc/passwd',
      'file://LOCALHOST./etc/passwd',
      'file://any.example/etc/passwd',
    ])
      assert.equal(((await read(uri))['error'] as { code: number } | undefined)?.code, -32002, uri.slice(0, 80));
    assert.equal(upstream.seen.filter(({ method }) => method === 'resources/read').length, 0);
    for (const uri of ['https://wiki.example/public', 'https://fine.example/secret', 'file:///etc/hosts'])
      assert.ok((await read(uri))['result'], uri);
  } finally {
    await house.close();
    await upstream.close();
  }
});

test('a host in a rule that no fact can equal is refused, and what is proposed instead holds', () => {
  const rule = (literal: string) => `@id("H") @reason("x") forbid(principal, action == Action::"call", resource) when { ${literal} };`;
  const knowledge = { servers: [], groups: [] };
  const errors = (condition: string) =>
    compilePolicies([{ file: 'a.cedar', text: rule(condition) }], knowledge).problems.filter(({ severity }) => severity === 'error');
  const contains = (text: string) => `context.hosts.contains(${JSON.stringify(text)})`;
  for (const [text, meant] of [
    ['Evil.com', 'evil.com'],
    ['evil.com:443', 'evil.com'],
    ['https://evil.com', 'evil.com'],
    ['https://u@evil.com:8/x?y', 'evil.com'],
    ['evil.com.', 'evil.com'],
    [' evil.com', 'evil.com'],
    ['m\u00fcnchen.de', 'xn--mnchen-3ya.de'],
    ['::1', '[::1]'],
    ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['*.evil.com', undefined],
    ['evil com', undefined],
    ['', undefined],
  ] as const) {
    const [error] = errors(contains(text));
    assert.ok(error, text);
    assert.ok(error.message.includes(JSON.stringify(text)), text);
    if (meant === undefined) assert.match(error.fix, /host/);
    else {
      assert.equal(error.fix, `did you mean ${JSON.stringify(meant)}?`);
      assert.deepEqual(errors(contains(meant)), []);
      assert.ok(facts(`http://${meant}/`, 'url')?.includes(meant), meant);
    }
  }
  for (const condition of [
    '["Evil.com"].containsAll(context.hosts)',
    'context.hosts.containsAny(["ok.example", "Evil.com"])',
    'context.hosts == ["Evil.com"]',
    '(if context.now.hour > 3 then ["Evil.com"] else ["b.example"]).containsAny(context.hosts)',
  ])
    assert.match(errors(condition)[0]?.fix ?? '', /evil\.com/, condition);
  assert.deepEqual(errors('context.hosts.contains("ok.example") && context.device.os == "Evil.com"'), []);
});
