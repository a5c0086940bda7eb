import { defineConfig } from 'vitest/config';

declare const process: { env: Record<string, string | undefined> };

const api = process.env['RIDEFLOW_URL'] ?? 'http://127.0.0.1:8083';

export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 400, reportCompressedSize: true },
  server: {
    proxy: { '/druid': api, '/api': api, '/status': api },
  },
  test: { environment: 'node', css: true, include: ['test/**/*.test.ts'] },
});
