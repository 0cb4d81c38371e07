import { useEffect, useState } from 'react';
import { Bar } from '../parts/state.tsx';
import { useWindow } from '../store.ts';
import { Frame } from './frame.tsx';

/** Before the first view: nothing for 150 ms, then the frame of the window, then words if it takes long. */
export function StartingPage() {
  const [waited, setWaited] = useState(0);
  const lost = useWindow((state) => state.link === 'lost');
  useEffect(() => {
    const timers = [150, 4000].map((ms) => setTimeout(() => setWaited(ms), ms));
    return () => timers.forEach(clearTimeout);
  }, []);
  if (lost)
    return (
      <Frame
        title="Gatehouse is not answering"
        sub="Start it with `npm start` or `gatehouse serve`. This window connects by itself as soon as it is there."
      />
    );
  if (waited >= 4000)
    return <Frame title="Starting" sub="Gatehouse is reading its settings and your last policy. This should take a moment only." />;
  return (
    <main aria-busy="true" aria-label="Starting" className="flex min-h-0 flex-1">
      {waited >= 150 && (
        <>
          <div className="hidden w-14 shrink-0 flex-col gap-4 border-line border-r bg-side p-4 sm:flex md:w-56">
            <Bar className="mt-1 mb-6 w-24 max-w-full" />
            {['w-28', 'w-24', 'w-20', 'w-24'].map((width, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the bars never move
              <Bar key={index} className={`${width} max-w-full`} />
            ))}
          </div>
          <div className="flex flex-1 flex-col gap-6 p-8">
            <Bar className="h-5 w-40" />
            <Bar className="h-44 w-full rounded-card" />
            <Bar className="h-44 w-2/3 rounded-card" />
          </div>
        </>
      )}
    </main>
  );
}
