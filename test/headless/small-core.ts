import type { TestContext } from 'node:test';
import type { Core } from '../../src/app/core.ts';
import { Failure, toErrorValue } from '../../src/base/errors.ts';
import { silent } from '../../src/base/log.ts';
import { type Command, commands, type Outputs } from '../../src/contract/contract.ts';
import type { View } from '../../src/contract/view.ts';
import { openHeadless } from '../../src/headless/headless.ts';

type Answers = { [C in Command]?: (input: Record<string, unknown>) => Outputs[C] };

export interface SmallCore extends Core {
  /** Makes a new View known. */
  show(change: Partial<View>): void;
  readonly watchers: number;
  readonly closed: boolean;
}

/** The port that the shells stand on, small enough to hold in the hand: a View that the test changes, and answers that it gives. */
export function smallCore(answers: Answers = {}, first: Partial<View> = {}): SmallCore {
  let view: View = { ...emptyView, ...first };
  let closed = false;
  const listeners = new Set<(view: View) => void>();
  return {
    async dispatch(command, input) {
      try {
        if (!Object.hasOwn(commands, command)) throw new Failure('bad-input', `There is no command "${command}".`);
        const parsed = commands[command as Command].safeParse(input);
        if (!parsed.success) throw new Failure('bad-input', 'That input is not understood.');
        if (command === 'status') return { ok: true, value: view };
        const answer = answers[command as Command];
        if (answer === undefined) throw new Failure('not-found', 'This core does not know that.', 'Ask another.');
        return { ok: true, value: answer(parsed.data as Record<string, unknown>) };
      } catch (error) {
        return { ok: false, error: toErrorValue(error) };
      }
    },
    async bridge() {
      throw new Failure('unavailable', 'This core has no gateway.');
    },
    view: () => view,
    gateway: () => view.gateway,
    watch(listener) {
      listeners.add(listener);
      listener(view);
      return () => listeners.delete(listener);
    },
    wake() {},
    close: async () => {
      closed = true;
    },
    show(change) {
      view = { ...view, ...change };
      for (const listener of listeners) listener(view);
    },
    get watchers() {
      return listeners.size;
    },
    get closed() {
      return closed;
    },
  };
}

const emptyView: View = {
  app: { name: 'Gatehouse', version: '0.0.0', shell: 'headless', vault: 'memory', dataDir: '/nowhere' },
  identity: { state: 'signed-out' },
  company: { state: 'unconfigured' },
  bundle: { state: 'none' },
  gateway: { state: 'on', url: 'http://127.0.0.1:4283/mcp' },
  servers: [],
  agents: [],
  consents: [],
  today: { calls: 0, denied: 0, errors: 0 },
  ledger: { records: 0, uploaded: 0 },
};

/** The headless shell on a core of the test, with its control socket and without a window's server. */
export async function serveSmall(t: TestContext, dataDir: string, core: Core): Promise<void> {
  const settings = { central: undefined, port: 0, maxBodyBytes: 1, maxDepth: 1, maxConnections: 16, headerTimeoutMs: 1, pollMinutes: 1 };
  const headless = await openHeadless({
    dataDir,
    log: silent,
    ui: false,
    settingsFor: async () => ({ core: settings, uiPort: 0, startAtLogin: false, refresh: async () => {}, close() {} }),
    openCore: async () => core,
  });
  t.after(() => headless.close());
}
