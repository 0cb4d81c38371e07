import type { ComponentProps } from 'react';

const looks = {
  primary: 'bg-accent-fill text-accent-on hover:bg-accent-over font-medium',
  plain: 'border border-edge bg-card text-ink hover:bg-hover active:bg-press font-medium',
  bare: 'text-quiet hover:bg-hover hover:text-ink active:bg-press',
  danger: 'border border-deny-line bg-deny-soft text-deny hover:border-deny font-medium',
} as const;

/** Sizes are 32 px, and 44 px where the window is as narrow as a phone: fingers need them. */
export function buttonClass(look: keyof typeof looks, icon = false): string {
  return `inline-flex h-11 sm:h-8 ${icon ? 'w-11 sm:w-8' : 'px-3'} shrink-0 select-none items-center justify-center gap-2 whitespace-nowrap rounded-control text-13 no-drag transition-colors disabled:pointer-events-none disabled:opacity-55 ${looks[look]}`;
}

interface Props extends ComponentProps<'button'> {
  look?: keyof typeof looks;
  /** An icon alone: `aria-label` is then needed. */
  icon?: boolean;
}

export function Button({ look = 'plain', icon = false, className = '', type = 'button', ...rest }: Props) {
  return <button type={type} className={`${buttonClass(look, icon)} ${className}`} {...rest} />;
}
