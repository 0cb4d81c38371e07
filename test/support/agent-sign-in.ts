import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually, type startDemo } from './demo.ts';

/** A terminal of its own for agents that sign in on one only; undefined: there is none here. */
export const terminal = ['/usr/bin/script', '/bin/script'].find(existsSync);

export const cannotDrive =
  process.platform !== 'linux' ? 'how an agent opens a browser, and gets a terminal, differs between systems; this is Linux' : false;

/** A home for a real agent in which "the browser" only notes what it is sent to. */
export async function agentHome(t: TestContext) {
  const home = await mkdtemp(join(tmpdir(), 'gatehouse-agent-'));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const bin = join(home, 'bin');
  const opened = join(home, 'opened');
  await mkdir(bin);
  await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" >> ${opened}\n`);
  await chmod(join(bin, 'xdg-open'), 0o755);
  return {
    home,
    env: {
      HOME: home,
      PATH: [bin, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      BROWSER: join(bin, 'xdg-open'),
      DISPLAY: ':99',
      TERM: 'xterm-256color',
      // Nothing outside of this machine: known agents must sign in without a network.
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: '127.0.0.1,localhost',
    },
    /** Where the agent sends the browser. */
    url: () =>
      eventually(
        async () => (await readFile(opened, 'utf8').catch(() => '')).split('\n').find((line) => line.includes('/authorize?')),
        'the agent opens the browser',
        60_000,
      ),
  };
}

/** What a browser without fetch metadata would do; redirects are not followed. */
export function visit(url: string): Promise<{ status: number; location: string | undefined; text: string }> {
  return new Promise((done, fail) => {
    http
      .get(url, { agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => done({ status: response.statusCode ?? 0, location: response.headers.location, text }));
      })
      .on('error', fail);
  });
}

/** The browser at the authorization URL, and the person on the command line; resolves once the browser is back at the agent. */
export async function allowByCommand(demo: Awaited<ReturnType<typeof startDemo>>, url: string, ...options: string[]): Promise<void> {
  const begun = await visit(url);
  if (begun.location === undefined) throw new Error(`${url}: ${begun.status} ${begun.text}`);
  const wait = new URL(begun.location, url).href;
  const id = /<strong>([A-Z0-9-]+)<\/strong>/.exec((await visit(wait)).text)?.[1];
  const requests = await demo.json<{ id: string }[]>('agents', 'requests');
  if (id === undefined || !requests.some((request) => request.id === id)) throw new Error(`${id} is not among the requests`);
  await demo.json('agents', 'allow', id, ...options);
  const { to } = JSON.parse((await visit(`${wait}/outcome`)).text) as { to: string };
  const back = await visit(to);
  if (back.status >= 400) throw new Error(`the agent answered ${back.status}: ${back.text}`);
}
