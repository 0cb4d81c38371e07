import type { DecisionEffect } from '../../src/contract/explanation.ts';

/** The gate itself. Open, the line runs through the arch; denied, bars are down; asking, one thick bar lies across. */
export function Gate({ decision }: { decision: DecisionEffect | 'none' }) {
  return (
    <svg aria-hidden viewBox="0 0 72 72" className="gate" fill="none" strokeLinecap="round" strokeLinejoin="round">
      <path className="gate-ground" d="M14 64V34a22 22 0 0 1 44 0v30Z" />
      {decision === 'allow' && <path className="gate-way" d="M14 44H58" />}
      {decision === 'deny' && <path className="gate-bars" d="M25 26.5V64M36 24V64M47 26.5V64M14 40H58M14 53H58" />}
      {decision === 'ask' && <path className="gate-arm" d="M17 44H55" />}
      <path className="gate-arch" d="M14 64V34a22 22 0 0 1 44 0v30" />
      <path className="gate-arch" d="M8 64H20M52 64H64" />
      <circle className="gate-lantern" cx="36" cy="12" r="4" />
    </svg>
  );
}
