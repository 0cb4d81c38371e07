import { Tooltip } from 'radix-ui';
import type { ReactElement } from 'react';

/** A word on hover or focus, for icons without text. The child must carry its own accessible name. */
export function Tip({
  text,
  side = 'bottom',
  children,
}: {
  text: string;
  side?: 'top' | 'right' | 'bottom' | 'left';
  children: ReactElement;
}) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-72 animate-fade rounded-control bg-ink px-2 py-1 text-12 text-page shadow-float"
        >
          {text}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
