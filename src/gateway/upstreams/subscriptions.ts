import type { Link } from './link.ts';

/** Who is subscribed to what, counted per URI: an upstream hears of the first and of the last. */
export interface Subscriptions {
  readonly uris: ReadonlySet<string>;
  /** Resolves with how to let go, once `made` has acknowledged it; whatever link there is by then is told when nobody wants it any more. */
  hold(made: Link, uri: string, present: () => Link | undefined): Promise<() => void>;
}

export function openSubscriptions(): Subscriptions {
  const subscribed = new Map<string, { count: number; acknowledged: Promise<void> }>();
  const uris = new Set<string>();

  /** The first to want a URI subscribes to it; who comes later waits for the same answer. */
  function add(made: Link, uri: string): Promise<void> {
    const known = subscribed.get(uri);
    if (known) {
      known.count++;
      return known.acknowledged;
    }
    uris.add(uri);
    const acknowledged = made.subscribe(uri);
    subscribed.set(uri, { count: 1, acknowledged });
    return acknowledged;
  }

  return {
    uris,
    async hold(made, uri, present) {
      let held = true;
      const letGo = () => {
        const known = held && subscribed.get(uri);
        held = false;
        if (!known || --known.count > 0) return;
        subscribed.delete(uri);
        uris.delete(uri);
        present()?.unsubscribe(uri);
      };
      try {
        await add(made, uri);
      } catch (error) {
        letGo();
        throw error;
      }
      return letGo;
    },
  };
}
