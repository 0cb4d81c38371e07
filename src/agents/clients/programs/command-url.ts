/** A command with its arguments. */
export type Command = readonly [string, ...string[]];

/** What an entry that starts a program leads to, in one text, as an address is for others: `stdio:` and the command as JSON. */
export const commandUrl = (command: Command): string => `stdio:${JSON.stringify(command)}`;

/** The reverse of `commandUrl`, for what we wrote ourselves. */
export const commandOf = (url: string): Command => JSON.parse(url.slice('stdio:'.length)) as [string, ...string[]];
