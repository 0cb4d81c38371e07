import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { Toast } from 'radix-ui';
import type { ReactNode } from 'react';
import { create } from 'zustand';

interface Note {
  id: number;
  tone: 'good' | 'bad';
  title: string;
  text?: string | undefined;
  action?: ReactNode;
}

const useNotes = create<{ notes: Note[] }>()(() => ({ notes: [] }));
const drop = (id: number) => useNotes.setState(({ notes }) => ({ notes: notes.filter((note) => note.id !== id) }));

/** Says that something done by hand has worked or not. What goes wrong by itself has its place on the page instead. */
export function say(note: Omit<Note, 'id'>): void {
  useNotes.setState(({ notes }) => ({ notes: [...notes.slice(-2), { ...note, id: (notes.at(-1)?.id ?? 0) + 1 }] }));
}

export function Notes() {
  const notes = useNotes((state) => state.notes);
  return (
    <Toast.Provider swipeDirection="right" duration={6000} label="Message">
      {notes.map((note) => (
        <Toast.Root
          key={note.id}
          onOpenChange={(open) => !open && drop(note.id)}
          className="flex animate-enter items-start gap-3 rounded-card bg-card p-3 pl-4 shadow-float"
        >
          <span className={note.tone === 'good' ? 'pt-0.5 text-allow' : 'pt-0.5 text-deny'}>
            {note.tone === 'good' ? <CircleCheck aria-hidden /> : <CircleAlert aria-hidden />}
          </span>
          <div className="min-w-0 flex-1">
            <Toast.Title className="font-medium text-13">{note.title}</Toast.Title>
            {note.text && <Toast.Description className="break-words text-13 text-quiet">{note.text}</Toast.Description>}
            {note.action && <div className="pt-2">{note.action}</div>}
          </div>
          <Toast.Close
            aria-label="Dismiss"
            className="grid size-6 place-items-center rounded-control text-faint hover:bg-hover hover:text-ink"
          >
            <X aria-hidden />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport className="fixed right-4 bottom-20 z-50 flex w-88 max-w-[calc(100vw-32px)] flex-col gap-2 outline-none sm:bottom-4" />
    </Toast.Provider>
  );
}
