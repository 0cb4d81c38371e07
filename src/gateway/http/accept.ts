/** Agents send the same few again and again. */
const cache = new Map<string, boolean>();
const mostCached = 64;

/** Whether an `Accept` header takes a media type: names in any case, ranges too, and not what has the weight 0 (RFC 9110, 12.5.1). */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return true;
  const key = `${type}\0${header}`;
  let taken = cache.get(key);
  if (taken === undefined) {
    taken = read(header, type);
    if (cache.size < mostCached && header.length < 256) cache.set(key, taken);
  }
  return taken;
}

function read(header: string, type: string): boolean {
  if (header.trim() === '') return true;
  const ranges = [type, `${type.slice(0, type.indexOf('/'))}/*`, '*/*'];
  const weights = new Map<string, boolean>();
  for (const entry of header.toLowerCase().split(',')) {
    const [range = '', ...parameters] = entry.split(';').map((part) => part.trim());
    weights.set(range, !parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter)));
  }
  // The narrowest range that names it is what counts.
  return ranges.map((range) => weights.get(range)).find((taken) => taken !== undefined) ?? false;
}
