import { connect, type DropArgument, type Server, type Socket } from 'node:net';

/** `nobody`: the connection was refused. `unknown`: it could not be made, so nothing is known. */
export type ProbeResult = 'ours' | 'foreign' | 'nobody' | 'unknown';

/**
 * Finds out whose listener answers at an address. A connection is made as any program makes it, and must arrive at `server` with the same two end
 * points. A program that echoes, relays or stays silent cannot fake that, as the system gives these end points to one connection only. Nothing is
 * sent.
 */
export function whoAnswers(server: Server, address: string, port: number, waitMs = 1_000): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const arrived = new Set<string>();
    const socket = connect({ host: address, port });
    let connected = false;
    const finish = (answer: ProbeResult) => {
      clearTimeout(timer);
      server.off('connection', arrive).off('drop', arrive);
      socket.destroy();
      resolve(answer);
    };
    const compare = () => {
      if (connected && arrived.has(`${socket.localAddress} ${socket.localPort} ${address} ${port}`)) finish('ours');
    };
    // A connection that is dropped because there are too many has arrived all the same.
    const arrive = (connection: Socket | DropArgument | undefined) => {
      if (connection)
        arrived.add(`${connection.remoteAddress} ${connection.remotePort} ${connection.localAddress} ${connection.localPort}`);
      compare();
    };
    const late = () => finish(connected ? 'foreign' : 'unknown');
    // Two turns more: where this process was busy for long, its own connection still waits to be taken.
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), waitMs);
    server.on('connection', arrive).on('drop', arrive);
    socket.on('connect', () => {
      connected = true;
      compare();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!connected) finish(error.code === 'ECONNREFUSED' ? 'nobody' : 'unknown');
    });
  });
}
