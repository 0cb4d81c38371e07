// A hand-written MCP server on standard input and output, run as a program by the tests. What it does is chosen by the tool's name and by
// the environment: MODE (legacy, modern, dual, silent, crash-on-probe), TRACE (a file that gets one line per message and start).
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const { MODE = 'legacy', TRACE } = process.env;
const trace = (line: string) => TRACE && appendFileSync(TRACE, `${line}\n`);
const send = (message: object) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
// biome-ignore lint/suspicious/noExplicitAny: any message
const result = (message: any, text: string) => send({ id: message.id, result: { content: [{ type: 'text', text }] } });

trace(`start ${process.pid}`);
process.stderr.write('starting with secret-from-the-registry\n');
if (process.env['IGNORE_SIGTERM']) process.on('SIGTERM', () => trace('sigterm'));
if (process.env['GRANDCHILD']) {
  const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: process.env['GRANDCHILD'] === 'detached',
  });
  trace(`grandchild ${child.pid}`);
}
if (process.env['STAY']) setInterval(() => {}, 1000);

// biome-ignore lint/suspicious/noExplicitAny: any message
const answers = new Map<unknown, (message: any) => void>();
let listening: unknown;
// biome-ignore lint/suspicious/noExplicitAny: any message
let waiting: any;

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line);
  const { id, method, params } = message;
  trace(method ?? `answer ${id}`);
  if (method === undefined) return answers.get(id)?.(message);
  if (method === 'server/discover') {
    if (MODE === 'silent') return;
    if (MODE === 'crash-on-probe') process.exit(3);
    if (MODE === 'legacy') return send({ id, error: { code: -32601, message: 'Method not found' } });
    return send({ id, result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } });
  }
  if (method === 'initialize') {
    if (MODE === 'modern') return send({ id, error: { code: -32022, message: 'Unsupported', data: { supported: ['2026-07-28'] } } });
    return send({
      id,
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {}, logging: {}, resources: { subscribe: true } },
        serverInfo: { name: 'stdio', version: '1' },
      },
    });
  }
  if (method === 'subscriptions/listen') {
    listening = id;
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    return send({ method: 'notifications/subscriptions/acknowledged', params: { ...params, _meta } });
  }
  if (method === 'resources/subscribe' || method === 'resources/unsubscribe' || method === 'logging/setLevel')
    return send({ id, result: {} });
  if (method !== 'tools/call') return;
  const { name, arguments: args } = params;
  switch (name) {
    case 'echo':
      return result(message, JSON.stringify(params));
    case 'environment':
      return result(message, JSON.stringify(process.env));
    case 'hang':
      return;
    case 'crash':
      process.stderr.write(`giving up because of ${args.why}\n`);
      return process.exit(7);
    case 'complain':
      process.stderr.write(args.text);
      return result(message, 'well');
    case 'rubbish':
      process.stdout.write('DEBUG: this is no message\n\n{"half":\n[1,2]\n"text"\n');
      return result(message, 'well');
    case 'foreign':
      send({ id: 123456, result: { content: [] } });
      return result(message, 'well');
    case 'wait':
      waiting = message;
      return;
    case 'log': {
      // As pino and its like write, about whatever has the number of somebody's call.
      const about = waiting.id;
      const lines = [
        { level: 30, id: about, msg: 'incoming request', result: { content: [{ type: 'text', text: 'poison' }] } },
        { id: about, error: { code: -1, message: 'poison' } },
        { id: about, method: 'ping' },
        { id: about },
        { level: 30, params: { progressToken: about, progress: 5 }, method: 'notifications/progress' },
      ];
      process.stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      return result(message, 'logged');
    }
    case 'release':
      result(waiting, 'her own');
      return result(message, 'well');
    case 'as-text':
      send({ method: 'notifications/progress', params: { progressToken: String(params._meta.progressToken), progress: 1 } });
      return result({ id: String(id) }, 'well');
    case 'huge':
      return result(message, 'x'.repeat(args.size));
    case 'endless':
      return void setInterval(() => process.stdout.write('x'.repeat(1_000_000)), 1);
    case 'flood':
      return void setInterval(() => process.stdout.write('noise\n'.repeat(10_000)), 1);
    case 'progress':
      send({ method: 'notifications/progress', params: { progressToken: params._meta.progressToken, progress: 1 } });
      send({ method: 'notifications/message', params: { level: 'info', data: 'working' } });
      return result(message, 'done');
    case 'long': {
      const progressToken = params._meta?.progressToken;
      let progress = 0;
      const step = setInterval(() => {
        if (progressToken !== undefined) send({ method: 'notifications/progress', params: { progressToken, progress: ++progress } });
      }, 100);
      return void setTimeout(() => {
        clearInterval(step);
        result(message, JSON.stringify(params));
      }, args.ms);
    }
    case 'ask':
      answers.set('q', (answer) => result(message, JSON.stringify(answer)));
      return send({ id: 'q', method: 'elicitation/create', params: { message: 'Sure?' } });
    case 'update':
      send({
        method: 'notifications/resources/updated',
        params: { uri: 'a://1', _meta: { 'io.modelcontextprotocol/subscriptionId': listening } },
      });
      return result(message, 'told');
  }
});
