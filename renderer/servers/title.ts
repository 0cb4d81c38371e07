import { useView } from '../store.ts';

/** What a server is called. A call of a name that no server offers has none. */
export function useServerTitle(id: string): string {
  const title = useView((view) => view.servers.find((server) => server.id === id)?.title);
  return title ?? (id === '' ? 'No server' : id);
}
