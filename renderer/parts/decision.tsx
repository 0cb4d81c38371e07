import { Ban, CircleCheck, CircleDashed, Hand, type LucideIcon } from 'lucide-react';
import type { DecisionEffect } from '../../src/contract/explanation.ts';

/** `may`: allowed, but the arguments of the call can still change it. */
export type Effect = DecisionEffect | 'may';

const looks: Record<Effect, { icon: LucideIcon; word: string; ink: string; chip: string }> = {
  allow: { icon: CircleCheck, word: 'Allowed', ink: 'text-allow', chip: 'border-allow-line bg-allow-soft text-allow' },
  may: { icon: CircleDashed, word: 'Conditional', ink: 'text-info', chip: 'border-info-line bg-info-soft text-info' },
  ask: { icon: Hand, word: 'Needs approval', ink: 'text-ask', chip: 'border-ask-line bg-ask-soft text-ask' },
  deny: { icon: Ban, word: 'Denied', ink: 'text-deny', chip: 'border-deny-line bg-deny-soft text-deny' },
};

export const verdictWord = (verdict: Effect) => looks[verdict].word;

export const verdictInk = (verdict: Effect) => looks[verdict].ink;

export const verdictOf = (row: { access: { effect: DecisionEffect }; conditional: boolean }): Effect =>
  row.access.effect === 'allow' && row.conditional ? 'may' : row.access.effect;

export function DecisionIcon({ verdict, title = false }: { verdict: Effect; title?: boolean }) {
  const { icon: Icon, ink, word } = looks[verdict];
  return <Icon className={ink} {...(title ? { role: 'img', 'aria-label': word } : { 'aria-hidden': true })} />;
}

/** Icon and word, in the colour of the meaning; never the colour alone. */
export function DecisionWord({ verdict }: { verdict: Effect }) {
  const { icon: Icon, ink, word } = looks[verdict];
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap font-medium text-13 ${ink}`}>
      <Icon aria-hidden />
      {word}
    </span>
  );
}

export function DecisionChip({ verdict }: { verdict: Effect }) {
  const { icon: Icon, chip, word } = looks[verdict];
  return (
    <span className={`inline-flex h-6 items-center gap-1.5 whitespace-nowrap rounded-full border px-2 font-medium text-12 ${chip}`}>
      <Icon aria-hidden className="size-3.5" />
      {word}
    </span>
  );
}
