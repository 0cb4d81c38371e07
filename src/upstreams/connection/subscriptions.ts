import type { Link } from './link.ts';

/** Who is subscribed to what, counted per URI: an upstream hears of the first and of the last. */
export interface Subscriptions {
  readonly uris: ReadonlySet<string>;
  /** Resolves with how to let go, once `made` has acknowledged it; whatever link there is by then is told when nobody wants it any more. */
  hold(link: Link, uri: string, present: () => Link | undefined): Promise<() => void>;
  /** The same for what need not be acknowledged: a link that comes later makes it. */
  keep(link: Link | undefined, uri: string, present: () => Link | undefined): () => void;
}

/** One at a time; all who ask while one is under way share the next. */
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

  /** The first to want a URI subscribes to it; who comes later waits for the same answer. */
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
