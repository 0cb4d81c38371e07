// The gateway's process, and all that it starts and that they start.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export async function openChild(entries) {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatehouse-soak-'));
  // Local servers are given few of our variables: those of the language are among them, whatever they are called.
  const marker = `LC_SOAK=${randomUUID()}`;
  const [name, value] = marker.split('=');
  const child = fork(fileURLToPath(new URL('gateway.mjs', import.meta.url)), [JSON.stringify(entries), dataDir], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, [name]: value },
  });
  const waiting = new Map();
  let lastId = 0;
  const [{ ready: url }] = await once(child, 'message');
  child.on('message', ({ id, value, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(value);
  });
  child.once('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the gateway's process ended with ${code}`));
  });

  /** Whoever was started by it or by what it started bears the mark, however far it was passed on. A zombie bears none, but has a parent. */
  async function processes() {
    if (process.platform !== 'linux') return 0;
    const pids = (await readdir('/proc')).filter((pid) => /^\d+$/.test(pid));
    const ours = await Promise.all(
      pids.map(async (pid) => {
        const [environment, stat] = await Promise.all(
          ['environ', 'stat'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
        );
        return environment.split('\0').includes(marker) || stat.split(') ').at(-1).split(' ')[1] === String(child.pid);
      }),
    );
    return ours.filter(Boolean).length;
  }

  return {
    url,
    processes,
    gateway: (operation, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++lastId, { resolve, reject });
        child.send({ id: lastId, operation, args });
      }),
    async close() {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
