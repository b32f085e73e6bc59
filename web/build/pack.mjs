// Compresses what was built, once, at the build: the binary holds each file as
// gzip alone (fonts as they are), and the server sends it so.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  if (!entry.isFile() || /\.(gz|woff2)$/.test(path) || entry.name === '.gitkeep') continue
  writeFileSync(path + '.gz', gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }))
  rmSync(path)
}
