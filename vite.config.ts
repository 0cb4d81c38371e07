import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Cedar is one wasm file beside the bundle: read when the first decision needs it, not inlined into what is parsed at each start. */
function cedarFile(): Plugin {
  return {
    name: 'cedar-file',
    applyToEnvironment: (environment) => environment.name === 'main',
    writeBundle() {
      // The package exports neither its package.json nor this file, and its code only to `import`.
      mkdirSync('dist/main', { recursive: true });
      cpSync(new URL('cedar_wasm_bg.wasm', import.meta.resolve('@cedar-policy/cedar-wasm/web')), 'dist/main/cedar_wasm_bg.wasm');
    },
  };
}

/** npm makes a package's command runnable when it links it, which is once: each build makes a new file. */
function runnableCommand(): Plugin {
  return {
    name: 'runnable-command',
    applyToEnvironment: (environment) => environment.name === 'main',
    writeBundle: () => chmodSync('dist/main/cli.js', 0o755),
  };
}

// Never in the bundle: the shell's own module, native add-ons, and what only the demo company needs.
const external = ['electron', '@napi-rs/keyring', 'oidc-provider', /^@modelcontextprotocol\//];

export default defineConfig({
  root: 'renderer',
  base: './',
  plugins: [react(), tailwind(), cedarFile(), runnableCommand()],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'chrome140',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  environments: {
    main: {
      consumer: 'server',
      resolve: { noExternal: true, conditions: ['node'] },
      build: {
        outDir: '../dist/main',
        copyPublicDir: false,
        emptyOutDir: true,
        target: 'node24',
        minify: false,
        sourcemap: false,
        rolldownOptions: {
          external,
          platform: 'node',
          input: {
            cli: 'src/cli/cli.ts',
            electron: 'electron/main.ts',
            'ledger-writer': 'src/ledger/writer.ts',
            'upstreams-messages-reader': 'src/upstreams/messages/reader.ts',
            'upstreams-local-watchdog': 'src/upstreams/local/watchdog.ts',
          },
          output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
        },
      },
    },
    preload: {
      consumer: 'server',
      build: {
        outDir: '../dist/preload',
        copyPublicDir: false,
        emptyOutDir: true,
        target: 'node24',
        minify: false,
        // A sandboxed preload cannot be an ES module.
        rolldownOptions: {
          external: ['electron'],
          platform: 'node',
          input: { preload: 'electron/preload.ts' },
          output: { format: 'cjs', entryFileNames: '[name].cjs' },
        },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      for (const name of ['client', 'main', 'preload']) await builder.build(builder.environments[name]!);
    },
  },
});
