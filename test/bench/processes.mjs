// What the bench starts, and what it reads of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export const cli = 'dist/main/cli.js';
const children = [];

export const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};

/** Starts a program and waits for its first line. */
export async function start(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${args.join(' ')} ended with ${code}`);
    }),
  ]);
  return { child, line };
}

/** Runs a program to its end and gives the JSON that it printed. */
export async function output(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${text}`);
  return JSON.parse(text);
}

export const load = (url, options) =>
  output([
    'test/bench/load.mjs',
    url,
    ...Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .flatMap(([key, value]) => (value === true ? [`--${key}`] : [`--${key}`, String(value)])),
  ]);

export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

export function stopAll() {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
}

const status = (pid, key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
export const rssKb = (pid) => status(pid, 'VmRSS');
export const rss = (pid) => Math.round(rssKb(pid) / 1024);
/** Milliseconds of CPU that a process has used. */
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
export const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The demo with the company in `dir`, the engineer signed in, and an agent for each name. */
export async function openHouse(dir, agents = ['bench']) {
  const data = `${dir}/data`;
  const demo = await start([
    ...[cli, 'demo', '--json', '--no-open', '--port', '0', '--data', data],
    ...['--company', `${dir}/company`, '--sign-in', 'engineer'],
  ]);
  const tokens = [];
  for (const name of agents) tokens.push((await output([cli, 'agents', 'add', name, '--data', data, '--json'])).token);
  const { pid } = JSON.parse(readFileSync(`${data}/control.json`, 'utf8'));
  const { mcp, central } = JSON.parse(demo.line);
  return { demo: demo.child, url: mcp, central, data, tokens, pid };
}
