const number = new Intl.NumberFormat('en');
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const utcDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });

export const count = (value: number) => number.format(value);
export const plural = (value: number, singular: string, many = `${singular}s`) => `${count(value)} ${value === 1 ? singular : many}`;

export function duration(ms: number): string {
  if (ms < 0.1) return '< 0.1 ms';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export const exact = (iso: string) => full.format(new Date(iso));
export const hour = (iso: string) => clock.format(new Date(iso));
/** A day of the ledger's roll-ups: those are days of UTC. */
export const rollupDay = (iso: string) => utcDay.format(new Date(iso));
export const date = (iso: string) => day.format(new Date(iso));

/** How long ago, in the fewest words; the exact time belongs on hover. */
export function ago(iso: string, now: number): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (seconds < 0) return `in ${span(-seconds)}`;
  if (seconds < 5) return 'just now';
  if (seconds >= 7 * 86_400) return date(iso);
  return `${span(seconds)} ago`;
}

/** A stretch of time, rounded to its largest unit. */
export function span(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return plural(Math.floor(seconds / 86_400), 'day');
}

/** Known data classes and trust levels are the company's own words; only their spelling is made readable. */
export function sentence(word: string): string {
  const spaced = word.replace(/[-_]+/g, ' ').trim();
  return spaced === '' ? 'Not set' : spaced[0]!.toUpperCase() + spaced.slice(1);
}

/** What an agent did, as a verb phrase: `tools/call` is a protocol word, not a person's. */
export function tried(method: string): string {
  if (method === 'prompts/get') return 'use the prompt';
  if (method === 'resources/read') return 'read';
  if (method === 'completion/complete') return 'complete a value for';
  return 'call';
}

/** What went wrong with a call that was let through; the ledger's own short word is spelt out. */
export function failure(error: string | undefined): string {
  if (error === undefined) return 'Failed';
  if (error === 'tool_error') return 'The tool answered with an error';
  const [, problem = '', rest = ''] = /^([a-z-]+): (.*)$/s.exec(error) ?? [];
  const spelt = troubles[problem];
  return spelt === undefined ? error : `${spelt}: ${rest}`;
}

/** The ledger's short words for what went wrong with an upstream. */
const troubles: Record<string, string> = {
  unreachable: 'The server could not be reached',
  unauthorized: 'Gatehouse has no credential that the server takes',
  'timed-out': 'The server did not answer in time',
  closed: 'The connection broke',
  cancelled: 'The call was cancelled',
  'too-large': 'The answer was too large',
  'bad-answer': 'The server’s answer was not understood',
};
