import type http from 'node:http';
import { Failure } from '../errors.ts';

/** On the loopback address at exactly this port: agents have it in their configuration, so another one would be no use to them. */
export function bind(server: http.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return reject(error);
      reject(
        new Failure(
          'conflict',
          `Port ${port} on 127.0.0.1 is taken by another program.`,
          'End that program, or have the port changed in the settings ("port"); agents must then be given the new address.',
          { cause: error },
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
