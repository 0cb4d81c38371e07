// Agents that are spoken to: asked in the middle of a call, told of what they subscribed to, and told the rest after a lost connection.
import { setTimeout as pause } from 'node:timers/promises';
import { between, caller, pick, work } from './agents.mjs';
import { begin, end, listen, post } from './client.mjs';

/** Has a person who can be asked. A legacy server knows each such agent by a session of its own. */
export async function askedAgent(world, agent, stop) {
  const capabilities = { elicitation: {} };
  const session = agent.modern ? undefined : await begin(world.url, agent.token, capabilities);
  const call = caller(world, agent, { session, capabilities });
  const holder = session ?? agent.name;
  while (!stop()) {
    const n = Math.random();
    const expect = (text) => {
      const said = JSON.parse(text);
      if (said.session && !world.owners.has(said.session)) world.owners.set(said.session, holder);
      return said.n === n && said.said === `Sure of ${n}?` && (!said.session || world.owners.get(said.session) === holder);
    };
    const onAsked = ({ message }) => {
      world.tally.heard.questions++;
      return { action: 'accept', content: { said: message } };
    };
    await call(`${pick(['asker', 'asker-modern'])}__ask`, { n }, { expect, onAsked });
    await pause(between(50, 150));
  }
  if (session) await end(world.url, agent.token, session);
}

const uris = ['tell://teller', 'tell://teller-modern'];

/** Everything that it makes a server tell, it must hear. */
function telling(world, agent, call) {
  const awaited = new Map();
  return {
    onMessage({ method, params }) {
      if (method === 'notifications/resources/updated') awaited.get(`${params.uri} ${params.n}`)?.();
      if (method === 'notifications/tools/list_changed') world.tally.heard.lists++;
    },
    async tell() {
      const [server, n] = [pick(['teller', 'teller-modern']), Math.random()];
      const { promise, resolve } = Promise.withResolvers();
      awaited.set(`tell://${server} ${n}`, resolve);
      const told = await call(`${server}__tell`, { n }, { expect: (text) => text === `told ${n}` });
      if (!told) return;
      if ((await Promise.race([promise, pause(5000, 'late', { ref: false })])) === 'late')
        world.tally.errors.push(`${agent.name} did not hear an update of ${server}`);
      else world.tally.heard.updates++;
      awaited.clear();
    },
  };
}

export async function modernSubscriber(world, agent, stop) {
  while (!stop()) {
    const { tell, onMessage } = telling(world, agent, caller(world, agent));
    const stream = listen(world.url, agent.token, { uris, onMessage });
    const { resourceSubscriptions } = await stream.ready;
    if (String(resourceSubscriptions) !== String(uris)) world.tally.errors.push(`subscribed to ${resourceSubscriptions} only`);
    for (let count = between(10, 50); count > 0 && !stop(); count--) {
      await tell();
      await pause(between(50, 150));
    }
    stream.close();
    await stream.over;
  }
}

/** Keeps its session and its subscriptions for as long as the soak lasts, through the gateway's restart; only streams are opened again. */
export async function keptSubscriber(world, agent, stop) {
  const { url, tally } = world;
  agent.session ??= await begin(url, agent.token);
  const call = caller(world, agent, { session: agent.session });
  const { tell, onMessage } = telling(world, agent, call);
  const stream = listen(url, agent.token, { session: agent.session, onMessage });
  await stream.ready;
  if (!agent.subscribed)
    for (const uri of uris) {
      const { answer } = await post(url, agent.token, { id: uri, method: 'resources/subscribe', params: { uri } }, agent);
      if (!answer?.result) tally.errors.push(`no subscription to ${uri}: ${JSON.stringify(answer)}`);
    }
  else tally.heard.kept++;
  agent.subscribed = true;
  while (!stop()) {
    await tell();
    await work(call, stop, 25, 3);
  }
  // Left open: a restart ends it, and what is said in between waits for the next one.
}

/** Loses its connection in the middle of an answer and goes on where it was. */
export async function resumer(world, agent, stop) {
  const { url, tally } = world;
  const session = await begin(url, agent.token);
  for (let id = 1; !stop(); id++) {
    const [name, n, steps] = [`${pick(['one', 'two'])}__progress`, Math.random(), between(4, 20)];
    const params = { name, arguments: { n, steps, restMs: 300 }, _meta: { progressToken: n } };
    const wrong = (problem) => tally.errors.push(`${name} (${agent.name}), resumed: ${problem}`);
    let seen = 0;
    let lastEventId;
    const next = (message) => message.params?.progress === ++seen || wrong(`message ${seen} is ${JSON.stringify(message)}`);
    const onFirst = (message, leave, eventId) => {
      lastEventId = eventId;
      if (message.method && next(message) && seen === 2) leave();
    };
    const broken = await post(url, agent.token, { id, method: 'tools/call', params }, { session, onMessage: onFirst }).catch(
      (error) => error,
    );
    if (broken.message !== 'left') wrong(`its connection was not left: ${JSON.stringify(broken.answer ?? broken.message)}`);
    // Sooner than the answer, or later.
    await pause(pick([0, 600]));
    const { promise, resolve } = Promise.withResolvers();
    const onMessage = (message) => (message.method ? next(message) : resolve(message));
    const stream = listen(url, agent.token, { session, lastEventId, onMessage });
    const answer = await Promise.race([promise, pause(5000, undefined, { ref: false })]);
    stream.close();
    tally.add(agent.name, name, answer?.result?.isError === undefined ? 'ok' : 'not resumed');
    if (answer?.id !== id || answer.result?.content?.[0]?.text !== `done ${n}` || seen !== steps)
      wrong(`${seen} of ${steps} messages, then ${JSON.stringify(answer)}`);
    else tally.heard.resumed++;
  }
  await end(url, agent.token, session);
}
