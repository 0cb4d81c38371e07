import { ChevronDown, Search, X } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { useId } from 'react';

const box =
  'h-11 sm:h-8 w-full rounded-control border border-edge bg-card text-ink text-13 outline-none transition-colors hover:border-faint focus-visible:border-accent focus-visible:outline-2 focus-visible:outline-accent focus-visible:outline-offset-0 aria-invalid:border-deny';

/** Label, control, and below it either the hint or what is wrong: in the same line, so that nothing moves. */
export function Field({
  label,
  hint,
  wrong,
  children,
}: {
  label: string;
  hint?: string;
  wrong?: string | undefined;
  children: (ids: { id: string; 'aria-describedby': string }) => ReactNode;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="block pb-1 font-medium text-13">
        {label}
      </label>
      {children({ id, 'aria-describedby': `${id}-hint` })}
      <p id={`${id}-hint`} className={`min-h-4 pt-1 text-12 ${wrong ? 'text-deny' : 'text-quiet'}`} aria-live="polite">
        {wrong ?? hint}
      </p>
    </div>
  );
}

export function TextInput({ className = '', ...rest }: ComponentProps<'input'>) {
  return <input type="text" spellCheck={false} autoComplete="off" className={`${box} px-3 ${className}`} {...rest} />;
}

export function TextArea({ className = '', ...rest }: ComponentProps<'textarea'>) {
  return <textarea className={`${box} h-auto min-h-20 resize-none px-3 py-2 leading-5 sm:h-auto ${className}`} {...rest} />;
}

/** Filters what is below. Escape empties it, as a search field should. */
export function SearchInput({
  value,
  onValue,
  label,
  className = '',
}: {
  value: string;
  onValue: (value: string) => void;
  label: string;
  className?: string;
}) {
  return (
    <div className={`relative ${className}`}>
      <Search aria-hidden className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-faint" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        spellCheck={false}
        autoComplete="off"
        maxLength={200}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || value === '') return;
          event.stopPropagation();
          onValue('');
        }}
        className={`${box} appearance-none pr-8 pl-8 [&::-webkit-search-cancel-button]:hidden`}
      />
      {value !== '' && (
        <button
          type="button"
          aria-label="Clear"
          onClick={() => onValue('')}
          className="absolute top-1/2 right-1 grid size-6 -translate-y-1/2 place-items-center rounded-control text-faint hover:bg-hover hover:text-ink"
        >
          <X aria-hidden />
        </button>
      )}
    </div>
  );
}

/** The system's own select: its list needs no styles of ours, is reachable by keyboard and never leaves the window. */
export function Choice({
  value,
  onValue,
  label,
  options,
}: {
  value: string;
  onValue: (value: string) => void;
  label: string;
  options: { value: string; text: string }[];
}) {
  return (
    <div className="relative min-w-0">
      <select
        aria-label={label}
        value={value}
        onChange={(event) => onValue(event.target.value)}
        className={`${box} min-w-0 appearance-none truncate pr-7 pl-3 ${value === '' ? '' : 'border-accent! bg-accent-soft!'}`}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value} className="bg-card text-ink">
            {option.text}
          </option>
        ))}
      </select>
      <ChevronDown aria-hidden className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2 text-faint" />
    </div>
  );
}

/** One of a few, all visible, each with its number. */
export function Segments<T extends string>({
  value,
  onValue,
  label,
  options,
}: {
  value: T;
  onValue: (value: T) => void;
  label: string;
  options: { value: T; text: string; count?: string }[];
}) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings a frame and a legend that a row of buttons does not want
    <div role="group" aria-label={label} className="flex max-w-full shrink-0 gap-0.5 overflow-x-auto rounded-control bg-press p-0.5">
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onValue(option.value)}
          className="ring-inside flex h-10 items-center gap-1.5 whitespace-nowrap rounded-[5px] px-2.5 text-13 text-quiet transition-colors hover:text-ink aria-pressed:bg-pick aria-pressed:font-medium aria-pressed:text-ink sm:h-7"
        >
          {option.text}
          {option.count !== undefined && <span className="text-12 text-quiet">{option.count}</span>}
        </button>
      ))}
    </div>
  );
}
