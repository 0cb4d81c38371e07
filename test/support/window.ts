import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type ErrorValue, Failure, toErrorValue } from '../../src/base/errors.ts';
import { type Command, commands } from '../../src/contract/contract.ts';
import type { View } from '../../src/contract/view.ts';
import { readRenderer, rendererHeaders } from '../../src/shell/renderer-files.ts';

/** What the window is shown: a view and what each command answers. An answer that throws a Failure becomes an error as a value. */
export interface Scene {
  view: View;
  answer(command: Command, input: Record<string, unknown>): unknown;
}

export interface ServedWindow {
  /** With the launch token in the fragment. */
  url: string;
  origin: string;
  /** Commands that arrived, parsed. */
  calls: { command: Command; input: unknown }[];
  /** Milliseconds that each answer waits: for skeletons. */
  delay: number;
  /** Shows another view, as the core's push does. */
  push(view: View): void;
  /** Cuts the event streams and answers nothing until `mend`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

const built = fileURLToPath(new URL('../../dist/renderer', import.meta.url));

/**
 * Serves the built window under the product's own headers, from a scene: for states that are hard to reach with the real system, such as
 * 2,000 tools, 100,000 records or an expired bundle. Inputs are checked against the contract, as the core does.
 */
export async function serveWindow(scene: Scene, dir = process.env['GATEHOUSE_RENDERER'] ?? built): Promise<ServedWindow> {
  const files = await readRenderer(dir);
  if (!files.has('/')) throw new Error(`There is no built window in ${dir}: run "npm run build" first.`);
  const streams = new Set<ServerResponse>();
  const token = 'launch-token-of-the-test';
  let broken = false;

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const file = files.get(path);
    if (file) return void response.writeHead(200, rendererHeaders(file, "'self'")).end(file.body);
    if (broken) return void request.destroy();
    if (path === '/session') {
      const { token: offered } = JSON.parse(await text(request)) as { token?: string };
      if (offered !== token) return send(response, 401, { error: { code: 'signed-out', message: 'That is not the launch token.' } });
      return void response.writeHead(204, { 'set-cookie': `session=${token}; HttpOnly; SameSite=Strict; Path=/` }).end();
    }
    if (!(request.headers.cookie ?? '').includes(`session=${token}`))
      return send(response, 401, { error: { code: 'signed-out', message: 'This browser has no access.' } });
    if (path === '/watch') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(`data: ${JSON.stringify(scene.view)}\n\n`);
      streams.add(response);
      return void response.on('close', () => streams.delete(response));
    }
    if (path === '/call') {
      const { command, input } = JSON.parse(await text(request)) as { command: Command; input: unknown };
      return send(response, 200, await reply(command, input));
    }
    send(response, 404, {});
  };

  const reply = async (command: Command, input: unknown): Promise<unknown> => {
    try {
      const parsed = commands[command]?.safeParse(input);
      if (!parsed?.success) throw new Failure('bad-input', `${command}: ${parsed?.error.message ?? 'unknown command'}`);
      served.calls.push({ command, input: parsed.data });
      if (served.delay > 0) await new Promise((done) => setTimeout(done, served.delay));
      return { ok: true, value: command === 'status' ? scene.view : await scene.answer(command, parsed.data) };
    } catch (error) {
      return { ok: false, error: toErrorValue(error) satisfies ErrorValue };
    }
  };

  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const served: ServedWindow = {
    url: `${origin}/#token=${token}`,
    origin,
    calls: [],
    delay: 0,
    push(view) {
      scene.view = view;
      for (const stream of streams) stream.write(`data: ${JSON.stringify(view)}\n\n`);
    },
    cut() {
      broken = true;
      for (const stream of streams) stream.destroy();
    },
    mend() {
      broken = false;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return served;
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function text(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
