import { execFileSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * A program of its own: ends the local servers of a host that is gone, however it ended (`kill -9`, a crash, a debugger).
 * Its arguments are the groups that run already. The host writes `+PID` when it has started a process group and `-PID` when that has ended. The end of the input means that the host has ended.
 */

const graceMs = 1000;
/** Group -> when its leader started, so that a process which got the same number later is left alone. */
const groups = new Map<number, string | undefined>();

function startTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // Field 22 of proc_pid_stat(5); the name in field 2 may hold spaces and brackets.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    }
    if (process.platform === 'win32') return undefined;
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}

function end(signal: NodeJS.Signals): number {
  let left = 0;
  for (const [pid, started] of groups) {
    const now = startTime(pid);
    // While members of the group live, its number is not used again, even if the leader is gone. If it was used again, the start time differs.
    if (now !== undefined && now !== started) continue;
    try {
      if (process.platform === 'win32') execFileSync('taskkill', ['/pid', String(pid), '/t', '/f'], { stdio: 'ignore' });
      else process.kill(-pid, signal);
      left++;
    } catch {
      groups.delete(pid);
    }
  }
  return left;
}

// These signals are meant for the host. We end when the host ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// Not `process.stdin`: under Electron's binary on Windows it is always at its end.
const lines = createInterface({ input: createReadStream('', { fd: 0 }) });
lines.on('line', told);
for (const pid of process.argv.slice(2)) told(`+${pid}`);

function told(line: string) {
  const pid = Number(line.slice(1));
  if (!Number.isSafeInteger(pid) || pid < 2) return;
  if (line.startsWith('+')) groups.set(pid, startTime(pid));
  else groups.delete(pid);
}

lines.on('close', () => {
  if (end('SIGTERM') === 0) return process.exit();
  const deadline = Date.now() + graceMs;
  const poll = setInterval(() => {
    if (Date.now() < deadline && stillThere()) return;
    clearInterval(poll);
    end('SIGKILL');
    process.exit();
  }, 50);
});

function stillThere(): boolean {
  for (const pid of groups.keys()) {
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, 0);
      return true;
    } catch {
      // This one is gone already.
    }
  }
  return false;
}
