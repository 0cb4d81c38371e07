const sizes = { 24: 'size-6 text-12 rounded-control', 40: 'size-10 text-16 rounded-card' } as const;

/** The first letter on a hue that follows from the name, so that the same thing looks the same on every laptop. */
export function Monogram({ name, size = 24 }: { name: string; size?: keyof typeof sizes }) {
  const letter = name.match(/[\p{L}\p{N}]/u)?.[0] ?? '·';
  return (
    <span
      aria-hidden
      className={`monogram grid shrink-0 select-none place-items-center font-semibold uppercase ${sizes[size]}`}
      style={hue(name)}
    >
      {letter}
    </span>
  );
}

function hue(name: string): Record<`--${string}`, string> {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  // Twelve hues, 30 degrees apart: nearer ones could not be told from each other.
  return { '--hue': String(((hash >>> 0) % 12) * 30 + 10) };
}
