import { app, protocol, type Session, session, type WebContents } from 'electron';
import { type RendererFile, rendererHeaders, unbuilt } from '../src/shell/renderer-files.ts';
import { appScheme, isWindowDownload, isWindowUrl, mayLoad, windowUrl } from './urls.ts';

/** Must run before `ready`: every process sandboxed, and the window's scheme known as a secure, standard one. */
export function hardenBeforeReady(): void {
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([
    { scheme: appScheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
  app.on('web-contents-created', (_event, contents) => confine(contents));
}

/** No navigation, frame or webview: the window shows our own pages and nothing else. Windows of its own are refused in window.ts. */
function confine(contents: WebContents): void {
  const stay = (event: { preventDefault(): void; url: string }) => {
    if (!isWindowUrl(event.url)) event.preventDefault();
  };
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** The window's session: in memory, without permissions, answering only `app://` from the map of built files. */
export function openWindowSession(files: Map<string, RendererFile>): Session {
  const own = session.fromPartition('window', { cache: false });
  own.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  own.setPermissionCheckHandler(() => false);
  own.setDevicePermissionHandler(() => false);
  own.setSpellCheckerEnabled(false);
  own.on('will-download', (event, download) => {
    if (!isWindowDownload(download.getURL())) event.preventDefault();
  });
  // Whatever a page may try: nothing leaves this session but by our own scheme.
  own.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !mayLoad(details) }));
  own.protocol.handle(appScheme, (request) => serveFile(files, request));
  return own;
}

/** A look-up in the map, never a path on disk. */
export function serveFile(files: Map<string, RendererFile>, request: Pick<Request, 'url' | 'method'>): Response {
  if (!isWindowUrl(request.url) || request.method !== 'GET') return new Response(null, { status: 404 });
  const { pathname } = new URL(request.url);
  const file = files.get(pathname) ?? (`${windowUrl}${pathname.slice(1)}` === windowUrl ? unbuilt : undefined);
  if (file === undefined) return new Response(null, { status: 404 });
  return new Response(new Uint8Array(file.body), { headers: rendererHeaders(file, "'none'") });
}

/** The default session carries `host.fetch`: the system's proxy and trust store, but no single sign-on to whoever asks, and no permissions. */
export function hardenDefaultSession(): void {
  const shared = session.defaultSession;
  shared.allowNTLMCredentialsForDomains('');
  shared.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  shared.setPermissionCheckHandler(() => false);
  shared.setDevicePermissionHandler(() => false);
  shared.setSpellCheckerEnabled(false);
}
