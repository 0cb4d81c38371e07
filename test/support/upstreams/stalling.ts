import net, { type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A way to a server that can go dead without a word, as connections do while a machine sleeps. What is opened afterwards works. */
export async function openStalling(t: Pick<TestContext, 'after'>, to: string) {
  const { hostname, port, pathname } = new URL(to);
  const all = new Set<net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    for (const [socket, opposite] of [
      [near, far],
      [far, near],
    ] as const) {
      all.add(socket);
      socket.pipe(opposite);
      socket.on('error', () => {});
      socket.on('close', () => {
        all.delete(socket);
        if (!socket.isPaused()) opposite.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of all) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    stall() {
      for (const socket of all) socket.unpipe().pause();
    },
  };
}
