import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Nothing is inlined (the Content-Security-Policy lets no data: run, or be a font),
// and nothing says from which machine it was built.
export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: false, chunkSizeWarningLimit: 900 },
  worker: { format: 'es' },
  server: { host: '127.0.0.1', proxy: { '/v1': 'http://127.0.0.1:8400' } },
})
