// How long agents that were there before are without an answer when a host ends and the next one starts.
import { once } from 'node:events';
import { freePort, median, pause, stop } from './processes.mjs';
import { knock, openOwn, signedIn } from './start.mjs';

/**
 * Medians of five, in milliseconds. `leave`: from SIGTERM, with a stream open, to the end of the process; `answer`: from there to the first list in the
 * session of before, all 2,000 tools of 50 servers, where the next process is started at once; `silent`: the same while identity provider and central
 * API take requests and answer none.
 */
export async function restartTimes(rules) {
  const { spawnHost, token, data, company, close } = await openOwn(rules);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/mcp`;
  let host = spawnHost(port);
  const { session } = await knock(url, token, host);
  const times = { leave: [], answer: [], silent: [] };
  for (let round = 0; round < 10; round++) {
    await signedIn(data);
    const open = await fetch(url, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, 'mcp-session-id': session },
    });
    if (open.status !== 200) throw new Error(`the session of before got ${open.status}`);
    // This stream breaks when the host ends.
    open.text().catch(() => {});
    const asked = performance.now();
    host.kill('SIGTERM');
    await once(host, 'exit');
    const gone = performance.now();
    const silent = round % 2 === 1;
    if (silent) process.kill(company, 'SIGSTOP');
    host = spawnHost(port);
    const { tools } = await knock(url, token, host, session);
    times[silent ? 'silent' : 'answer'].push(performance.now() - gone);
    times.leave.push(gone - asked);
    if (tools !== 2000) throw new Error(`the first list after a restart had ${tools} tools`);
    if (silent) process.kill(company, 'SIGCONT');
    await pause(50);
  }
  await stop(host);
  await close();
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, Math.round(median(list))]));
}
