import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export const habits = ['http', 'silent', 'echo', 'close', 'relay'] as const;

/** What it does with who connects; `relay` passes all on to our own gateway, which may listen at the same port of the other address. */
export interface Squat {
  host: string;
  port: number;
  habit: (typeof habits)[number];
  relayTo?: { host: string; port: number };
  ipv6Only?: boolean;
  /** The program; the Node that runs the tests if absent. */
  program?: string;
}

const script = `
const net = require('node:net');
const { host, port, habit, relayTo, ipv6Only } = JSON.parse(process.argv[1]);
const got = [];
const server = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.on('data', (chunk) => got.push(chunk));
  if (habit === 'close') return socket.destroy();
  if (habit === 'echo') return void socket.pipe(socket);
  if (habit === 'http') return void socket.on('data', () => socket.write('HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 15\\r\\n\\r\\n{"status":"ok"}'));
  if (habit === 'relay') {
    const onward = net.connect(relayTo);
    onward.on('error', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  }
});
server.on('error', (error) => { console.log('failed ' + error.code); process.exit(1); });
server.listen({ host, port, ipv6Only }, () => console.log('ready ' + server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGUSR2', () => console.log('got ' + Buffer.concat(got).toString('base64')));
`;

/** Another user where the tests may become one. */
export const stranger = process.getuid?.() === 0 && process.platform === 'linux' ? 65534 : undefined;

/** A program of its own that takes an address; as another user where that is possible. Ends with us, however we end. */
export async function squat(squatter: Squat): Promise<{ pid: number; port: number; leave(): Promise<void> }> {
  const child: ChildProcess = spawn(squatter.program ?? process.execPath, ['-e', script, JSON.stringify(squatter)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    ...(stranger === undefined ? {} : { uid: stranger, gid: stranger }),
  });
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, 'line')) as [string];
  if (!line.startsWith('ready ')) throw new Error(`squatter on ${squatter.host}: ${line}`);
  return {
    pid: child.pid!,
    port: Number(line.slice(6)),
    async leave() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** A port that is free on both loopback addresses at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const other = createServer();
    const free = await new Promise<boolean>((done) => {
      other.once('error', (error: NodeJS.ErrnoException) => done(error.code !== 'EADDRINUSE'));
      other.listen({ host: '::1', port }, () => done(true));
    });
    await Promise.all([server, other].map((listener) => new Promise((done) => listener.close(done))));
    if (free) return port;
  }
}
