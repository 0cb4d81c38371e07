// A server that says hostile things on request, run as a program: on standard input and output, or with the argument `http` over HTTP, where it tells
// its parent the address. ERA is the era it speaks; ABOUT a recipe for what it says of itself.
import http from 'node:http';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { greeting, plainAnswer, sayings, type Wish } from './speech.ts';
import { type Recipe, textOf } from './texts.ts';

// What makes the texts must not take the processor from what is measured.
setPriority(10);
const { ERA = 'legacy', ABOUT } = process.env;
const spoken = ABOUT === undefined ? undefined : textOf(JSON.parse(ABOUT) as Recipe);
const about =
  spoken === undefined
    ? {}
    : { instructions: spoken, serverInfo: { name: spoken, version: spoken }, capabilities: { [spoken]: {}, tools: {} } };

interface Message {
  id?: number;
  method?: string;
  params?: { arguments?: Wish; _meta?: { progressToken?: unknown } };
}
/** Undefined where it is only sent, and nothing hostile is asked for. */
const hostileWish = (wish: Wish | undefined) => (Array.isArray(wish?.recipe) && typeof wish.way === 'string' ? wish : undefined);
const read = (text: string) => {
  const asked = JSON.parse(text) as Message;
  const greeted = greeting(asked as Parameters<typeof greeting>[0], ERA, about);
  return { ...asked, greeted, wish: hostileWish(asked.params?.arguments), token: asked.params?._meta?.progressToken };
};

if (process.argv[2] === 'http') serve();
else
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, greeted, wish, token } = read(line);
    if (greeted !== undefined) return void process.stdout.write(`${greeted}\n`);
    if (id === undefined) return;
    if (wish === undefined) return void process.stdout.write(`${plainAnswer(id)}\n`);
    const { text, messages } = sayings(wish, { id, token });
    if (wish.way === 'stderr') process.stderr.write(text);
    process.stdout.write([...messages, plainAnswer(id), ''].join('\n'));
  });

function serve() {
  const server = http.createServer({ noDelay: true }, (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { id, method, greeted, wish, token } = read(Buffer.concat(chunks).toString());
      if (greeted !== undefined) {
        const session = method === 'initialize' ? { 'mcp-session-id': 's' } : {};
        return void response.writeHead(200, { 'content-type': 'application/json', ...session }).end(greeted);
      }
      if (id === undefined) return void response.writeHead(202).end();
      if (wish === undefined) return void response.writeHead(200, { 'content-type': 'application/json' }).end(plainAnswer(id));
      const streams = request.url === '/stream';
      const { text, messages } = sayings(wish, { id, token });
      const header = [...text.slice(0, 6000)].map((character) => (/[\t\x20-\x7e]/.test(character) ? character : '~')).join('');
      const type = streams ? 'text/event-stream' : 'application/json';
      if (wish.way === 'refusal') return void response.writeHead(400, { 'content-type': type, 'www-authenticate': header }).end(text);
      response.writeHead(200, {
        'content-type': wish.way === 'headers' ? `${type}; ${header}` : type,
        ...(wish.way === 'headers' ? { 'x-odd': header } : {}),
      });
      if (!streams) return void response.end(messages.at(-1) ?? plainAnswer(id));
      const event = (data: string) => `data: ${data.replaceAll(/\r\n?|\n/g, '\ndata: ')}\n\n`;
      const all = messages.map(event).join('') + event(plainAnswer(id));
      if (wish.way === 'fields') return void response.end(`event: ${text}\nid: ${text}\nretry: ${text}\n: ${text}\n${text}\n\n${all}`);
      if (wish.way === 'bytes') return inPieces(response, Buffer.from(`id: ${text.slice(0, 1000)}\n${event(text)}${all}`));
      response.end(all);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
}

/** Whoever reads gets as many pieces as the system lets be. */
function inPieces(response: http.ServerResponse, bytes: Buffer, from = 0) {
  if (response.destroyed) return;
  for (let at = from; at < Math.min(from + 200, bytes.length); at++) response.write(bytes.subarray(at, at + 1));
  if (from + 200 >= bytes.length) response.end();
  else setImmediate(() => inPieces(response, bytes, from + 200));
}
