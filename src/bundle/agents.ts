import { z } from 'zod';

/** What agents call the gateway in their configuration, unless the person chose another name. */
export const gateName = 'gatehouse';

const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, 'a name has 1 to 32 letters, digits, "_" or "-" and starts with a letter')
  .refine((text) => text.toLowerCase() !== gateName, `"${gateName}" is the gateway itself, which is always among them`);

/** Agents replace `${NAME}` by a variable of the person, and some take `*` for any text: either would let in more than is written. */
const literal = (text: string): boolean => !/[*\\]|\p{Cc}|\$\{/u.test(text);

const url = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .refine((text) => literal(text) && !/[@?#]/.test(text), 'an address stands here as it is: no "*", no variable, no user, no query');

const argument = z
  .string()
  .max(1000)
  .refine((text) => !/\p{Cc}|\$\{/u.test(text), 'a word of a command stands here as it is: no variable');

/** A server that agents may have beside the gateway: one at an address, or a program with exactly these arguments. */
export const otherServer = z.union([z.strictObject({ name, url }), z.strictObject({ name, command: z.array(argument).min(1).max(64) })]);

/** Which servers agents may have in their own configuration beside the gateway: `[]` is none. */
export const otherServers = z
  .array(otherServer)
  .max(100)
  .refine((list) => new Set(list.map((each) => each.name.toLowerCase())).size === list.length, 'a name stands twice');

export type OtherServer = z.infer<typeof otherServer>;

/**
 * A client of OAuth that the company speaks of. Only the address of a client document names anybody (CIMD): an agent that registers itself gets a new id
 * each time. One spelling, as the agent has to send it.
 */
export const clientId = z
  .string()
  .max(1000)
  .refine((text) => {
    const url = URL.parse(text);
    return (
      url?.protocol === 'https:' &&
      url.href === text &&
      url.pathname !== '/' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === ''
    );
  }, 'a client id is the https address of a client document, such as https://agent.example/oauth/client.json, spelt as the agent sends it');

/** `allow`: it signs in without a click of the person. `block`: it cannot sign in, and what it got ends. */
export const clientDecision = z.enum(['allow', 'block']);

/** Each client stands once, so that two rules cannot contradict each other. */
export const isOncePerClient = (ids: readonly string[]): boolean => new Set(ids).size === ids.length;

export const clientRule = z.object({
  clientId,
  decision: clientDecision,
  /** Of `allow`: the servers that need no click. Absent: all that the rules allow. */
  servers: z.array(z.string().max(64)).max(500).optional(),
});

export const clientRules = z
  .array(clientRule)
  .max(200)
  .refine((list) => isOncePerClient(list.map((each) => each.clientId)), 'a client stands twice');
