import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { Monogram } from '../parts/monogram.tsx';

interface Props {
  /** Whose sign stands before it. */
  title: string;
  heading: ReactNode;
  /** What is said below. */
  children?: ReactNode;
  /** What can be done. */
  actions?: ReactNode;
}

/** One line of a list about agents. */
export function AgentLine({ title, heading, children, actions }: Props) {
  return (
    <li className="flex min-h-14 items-center gap-3 border-line border-b px-2 py-2">
      <Monogram name={title} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-3">{heading}</p>
        {children}
      </div>
      {actions}
    </li>
  );
}

/** An agent and how it stands with it. */
export function AgentState({ title, icon: Icon, word, look }: { title: string; icon: LucideIcon; word: string; look: string }) {
  return (
    <>
      <span className="font-medium">{title}</span>
      <span className={`inline-flex items-center gap-1.5 whitespace-nowrap text-13 ${look}`}>
        <Icon aria-hidden className="size-3.5" /> {word}
      </span>
    </>
  );
}

export const Why = ({ text }: { text: string }) => <p className="max-w-160 text-pretty break-words text-13 text-quiet">{text}</p>;

/** A path, an address or a command: what does not fit is in its title. */
export const Place = ({ text }: { text: string }) => (
  <p className="truncate font-mono text-12 text-quiet" title={text}>
    {text}
  </p>
);
