import { useView } from '../store.ts';

/** A server's title. A call of a name that no server offers has no server. */
export function useServerTitle(id: string): string {
  const title = useView((view) => view.servers.find((server) => server.id === id)?.title);
  return title ?? (id === '' ? 'No server' : id);
}
