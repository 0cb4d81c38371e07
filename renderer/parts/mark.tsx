/** The product's sign: an arch with a lantern in it. */
export function Mark({ className = 'size-5' }: { className?: string }) {
  return (
    <svg aria-hidden viewBox="0 0 24 24" className={`shrink-0 ${className}`} fill="none">
      <path d="M5 21V11a7 7 0 0 1 14 0v10" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
      <circle cx="12" cy="12.5" r="2" fill="var(--accent)" />
    </svg>
  );
}
