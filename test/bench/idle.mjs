// Open agent sessions that do nothing, each with its stream open: what one weighs, and what all cost.
import http from 'node:http';
import { cpuMs, pause, rssKb } from './processes.mjs';

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** `tokens`: an agent has at most 256 sessions, so several share the work. */
export async function idleSessions(url, pid, tokens, count) {
  const before = rssKb(pid);
  const held = [];
  for (let at = 0; at < count; at++) held.push(await open(url, tokens[at % tokens.length]));
  await pause(2000);
  const kbEach = Math.round((rssKb(pid) - before) / count);
  const cpu = cpuMs(pid);
  const began = performance.now();
  await pause(10_000);
  const percentOfCore = Math.round(((cpuMs(pid) - cpu) / (performance.now() - began)) * 1000) / 10;
  for (const request of held) request.destroy();
  return { count, kbEach, percentOfCore };
}

function open(url, token) {
  const authorization = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'idle', version: '1' } },
    });
    const post = http.request(url, { method: 'POST', agent: false, headers: { ...headers, authorization } }, (answer) => {
      answer.resume();
      const id = answer.headers['mcp-session-id'];
      if (!id) return reject(new Error(`no session: HTTP ${answer.statusCode}`));
      const get = http.request(url, { agent: false, headers: { ...headers, authorization, 'mcp-session-id': id } }, (stream) => {
        stream.resume();
        stream.on('error', () => {});
        if (stream.statusCode === 200) resolve(get);
        else reject(new Error(`no stream: HTTP ${stream.statusCode}`));
      });
      get.on('error', reject).end();
    });
    post.on('error', reject).end(body);
  });
}
