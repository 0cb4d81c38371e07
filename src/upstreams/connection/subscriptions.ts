import type { Link } from './link.ts';

/** Counts the subscribers of each URI: an upstream is told only when the first comes and when the last goes. */
export interface Subscriptions {
  readonly uris: ReadonlySet<string>;
  /** Resolves once `link` has acknowledged the subscription, with a function that lets go. After the last one let go, the `present` link of that moment is told. */
  hold(link: Link, uri: string, present: () => Link | undefined): Promise<() => void>;
  /** The same without waiting for an acknowledgement. If there is no link, the next one subscribes. */
  keep(link: Link | undefined, uri: string, present: () => Link | undefined): () => void;
}

/** Runs `work` one at a time; all who ask during one run share the next. */
export function inTurn(work: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    if (next) return next;
    next = last.then(() => {
      next = undefined;
      return work();
    });
    last = next.catch(() => {});
    return next;
  };
}

export function openSubscriptions(): Subscriptions {
  const subscribed = new Map<string, { count: number; acknowledged: Promise<void> }>();
  const uris = new Set<string>();

  /** The first to want a URI subscribes to it; all others wait for the same answer. */
  function add(link: Link | undefined, uri: string): Promise<void> {
    const subscription = subscribed.get(uri);
    if (subscription) {
      subscription.count++;
      return subscription.acknowledged;
    }
    uris.add(uri);
    const acknowledged = link ? link.subscribe(uri) : Promise.resolve();
    subscribed.set(uri, { count: 1, acknowledged });
    return acknowledged;
  }

  const release = (uri: string, present: () => Link | undefined) => {
    let held = true;
    return () => {
      const subscription = held && subscribed.get(uri);
      held = false;
      if (!subscription || --subscription.count > 0) return;
      subscribed.delete(uri);
      uris.delete(uri);
      present()?.unsubscribe(uri);
    };
  };

  return {
    uris,
    keep(link, uri, present) {
      add(link, uri).catch(() => {});
      return release(uri, present);
    },
    async hold(link, uri, present) {
      const letGo = release(uri, present);
      try {
        await add(link, uri);
      } catch (error) {
        letGo();
        throw error;
      }
      return letGo;
    },
  };
}
