import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../protocol/jsonrpc.ts';

/** A call that an upstream carries on as a task, and who made it. */
export interface Task {
  agent: string;
  person: string;
  server: string;
  /** As the upstream names it. */
  taskId: string;
  /** The tool that was called. Its rules apply each time the agent asks about the task. */
  tool: string;
  args: JsonObject;
  bytes: number;
}

export interface Tasks {
  /** Gives the id by which the agent asks about it: unguessable, and not the upstream's, since two upstreams may use the same. */
  own(task: Task): string;
  /** Undefined: there is none, or it is somebody else's. */
  find(id: string, agent: string, person: string): Task | undefined;
}

const limits = { perAgent: 1000, total: 10_000, bytes: 32 * 1024 * 1024 };

/** Bounded in number and in bytes of arguments; the oldest are forgotten first. Tasks end with the process: an agent that asks later has to call anew. */
export function openTasks(bounds = limits): Tasks {
  const all = new Map<string, Task>();
  const counts = new Map<string, number>();
  let bytes = 0;
  const forget = (id: string, task: Task) => {
    all.delete(id);
    bytes -= task.bytes;
    const left = counts.get(task.agent)! - 1;
    if (left > 0) counts.set(task.agent, left);
    else counts.delete(task.agent);
  };
  return {
    own(task) {
      const id = randomUUID();
      all.set(id, task);
      bytes += task.bytes;
      counts.set(task.agent, (counts.get(task.agent) ?? 0) + 1);
      for (const [oldId, older] of all) {
        if (oldId === id) break;
        const crowded = older.agent === task.agent && counts.get(task.agent)! > bounds.perAgent;
        if (crowded || all.size > bounds.total || bytes > bounds.bytes) forget(oldId, older);
        else if (counts.get(task.agent)! <= bounds.perAgent) break;
      }
      return id;
    },
    find(id, agent, person) {
      const task = all.get(id);
      return task?.agent === agent && task.person === person ? task : undefined;
    },
  };
}

export const taskMethods = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);
