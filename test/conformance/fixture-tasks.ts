import { randomUUID } from 'node:crypto';
import { type Exchange, elicit, type Json, object, Refused, said, type Tool } from './fixture-catalogue.ts';

export const tasksExtension = 'io.modelcontextprotocol/tasks';

interface TaskTool {
  name: string;
  /** Whether it can only be run as a task. */
  required?: boolean;
  /** Asked in rounds before there is a task (SEP-2322, then SEP-2663). */
  before?(exchange: Exchange): Promise<Json>;
  work(job: { args: Json; gathered: Json; signal?: AbortSignal; ask: Exchange['ask'] }): Promise<Json>;
}

function sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
const confirm = elicit('Really?', { confirm: { type: 'boolean' } });

const taskTools: TaskTool[] = [
  {
    name: 'slow_compute',
    async work({ args, signal }) {
      // Nobody waits a minute for an answer that does not come as a task.
      if (signal) await sleep(Number(args['seconds'] ?? 1), signal);
      return said(`Computed for ${String(args['seconds'])} s`);
    },
  },
  {
    name: 'failing_job',
    required: true,
    async work({ signal }) {
      await sleep(1, signal);
      return { ...said('The job failed'), isError: true };
    },
  },
  {
    name: 'protocol_error_job',
    work: async () => {
      throw new Refused(-32603, 'The job broke');
    },
  },
  {
    name: 'confirm_delete',
    work: async ({ ask }) => said(`Answered: ${JSON.stringify((await ask({ confirm }))['confirm'])}`),
  },
  {
    name: 'multi_input',
    work: async ({ ask }) => said(`Answered: ${JSON.stringify(await ask({ first: confirm, second: confirm }))}`),
  },
  {
    name: 'test_tool_with_task',
    required: true,
    before: (exchange) => exchange.ask({ user_name: elicit('What is your name?', { name: { type: 'string' } }, ['name']) }, true),
    work: async ({ gathered }) => said(`Hello, ${String(((gathered['user_name'] as Json)['content'] as Json)['name'])}!`),
  },
];

/** As a client without tasks sees them: the answer is worth waiting for. */
export const asTools: Tool[] = [
  {
    name: 'greet',
    description: 'Conformance tool greet',
    inputSchema: object({ name: { type: 'string' } }),
    run: ({ args }) => said(`Hello, ${String(args['name'])}!`),
  },
  ...taskTools.map(({ name, required, before, work }) => ({
    name,
    description: `Conformance tool ${name}, which may become a task`,
    inputSchema: object(),
    async run(exchange: Exchange) {
      if (required) throw needsTasks();
      return await work({ args: exchange.args, gathered: (await before?.(exchange)) ?? {}, ask: exchange.ask });
    },
  })),
];

const needsTasks = () =>
  new Refused(-32021, 'This needs the tasks extension', { requiredCapabilities: { extensions: { [tasksExtension]: {} } } });

interface Task {
  fields: Json;
  stop: AbortController;
  pending: Map<string, { request: Json; answer(response: Json): void }>;
  /** `result` or `error`, once it has ended. */
  end: Json;
}

/** The tasks of a modern server (SEP-2663): in memory, by unguessable ids. */
export function openTasks() {
  const tasks = new Map<string, Task>();
  const now = () => new Date().toISOString();
  const to = (task: Task, status: string) => Object.assign(task.fields, { status, lastUpdatedAt: now() });
  const over = ({ fields }: Task) => fields['status'] !== 'working' && fields['status'] !== 'input_required';

  function ask(task: Task): Exchange['ask'] {
    return async (requests) => {
      const pairs = Object.entries(requests).map(
        ([key, request]) =>
          new Promise<[string, Json]>((resolve) => {
            const answer = (response: Json) => {
              task.pending.delete(key);
              if (task.pending.size === 0) to(task, 'working');
              resolve([key, response]);
            };
            task.pending.set(key, { request, answer });
          }),
      );
      to(task, 'input_required');
      return Object.fromEntries(await Promise.all(pairs));
    };
  }

  return {
    /** The result that a call of such a tool gets at once; undefined: it is none of these, or the client knows no tasks. */
    async begin(name: unknown, exchange: Exchange): Promise<Json | undefined> {
      const taskTool = taskTools.find((tool) => tool.name === name);
      const { extensions } = exchange.capabilities as { extensions?: Json };
      if (!taskTool || extensions?.[tasksExtension] === undefined) return undefined;
      const gathered = (await taskTool.before?.(exchange)) ?? {};
      const fields = {
        taskId: randomUUID(),
        status: 'working',
        createdAt: now(),
        lastUpdatedAt: now(),
        ttlMs: 300_000,
        pollIntervalMs: 200,
      };
      const task: Task = { fields, stop: new AbortController(), pending: new Map(), end: {} };
      tasks.set(fields.taskId, task);
      const ended = (status: string, end: Json) => {
        if (over(task)) return;
        task.end = end;
        to(task, status);
      };
      taskTool.work({ args: exchange.args, gathered, signal: task.stop.signal, ask: ask(task) }).then(
        (result) => ended('completed', { result: { resultType: 'complete', ...result } }),
        (error: Error) => ended('failed', { error: { code: -32603, message: error.message } }),
      );
      return { resultType: 'task', ...fields };
    },
    answer(method: string, params: Json, capabilities: Json): Json {
      if (method !== 'tasks/get' && method !== 'tasks/update' && method !== 'tasks/cancel') throw new Refused(-32601, 'Method not found');
      if ((capabilities['extensions'] as Json | undefined)?.[tasksExtension] === undefined) throw needsTasks();
      const task = tasks.get(String(params['taskId']));
      if (!task) throw new Refused(-32602, 'Unknown task');
      if (method === 'tasks/update')
        for (const [key, response] of Object.entries((params['inputResponses'] ?? {}) as Json))
          task.pending.get(key)?.answer(response as Json);
      if (method === 'tasks/cancel' && !over(task)) {
        to(task, 'cancelled');
        task.stop.abort(new Error('cancelled'));
      }
      if (method !== 'tasks/get') return {};
      const asked = [...task.pending].map(([key, { request }]) => [key, request]);
      return {
        ...task.fields,
        ...task.end,
        ...(task.fields['status'] === 'input_required' ? { inputRequests: Object.fromEntries(asked) } : {}),
      };
    },
  };
}
