const looks: Record<string, string> = {
  '+': 'bg-allow-soft text-allow',
  '-': 'bg-deny-soft text-deny',
  '@': 'text-quiet',
};

/** A unified diff, without its two lines of file names: the sign at each line's start says as much as its colour. */
export function Diff({ text, what }: { text: string; what: string }) {
  const lines = text.trimEnd().split('\n').slice(2);
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={what}
      className="ring-inside max-h-64 overflow-auto rounded-control border border-line bg-well py-2 font-mono text-12 leading-5"
    >
      <pre className="w-max min-w-full">
        {lines.map((line, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines never move
          <span key={at} className={`block px-3 ${looks[line[0] ?? ''] ?? 'text-quiet'}`}>
            {line || ' '}
          </span>
        ))}
      </pre>
    </section>
  );
}
