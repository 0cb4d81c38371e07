import { type ReactNode, useEffect } from 'react';
import { Mark } from '../parts/mark.tsx';

/** The layout of the pages before sign-in: one narrow column, the logo above it. */
export function Frame({ title, sub, children, foot }: { title: string; sub?: ReactNode; children?: ReactNode; foot?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Gatehouse`;
  }, [title]);
  return (
    <main className="flex min-h-0 flex-1 flex-col items-center overflow-y-auto bg-side px-4 py-12">
      <div className="my-auto w-full max-w-96">
        <div className="rounded-card border border-line bg-card p-6 sm:p-8">
          <Mark className="size-8" />
          <h1 className="pt-5 font-semibold text-20">{title}</h1>
          {sub && <p className="pt-1 text-pretty text-14 text-quiet">{sub}</p>}
          {children && <div className="pt-6">{children}</div>}
        </div>
        <div className="min-h-10 px-2 pt-4 text-center text-12 text-quiet">{foot}</div>
      </div>
    </main>
  );
}
