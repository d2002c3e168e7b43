/** A headless Chromium, driven by playwright-core: the browser of the pages' tests. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { chromium, type Browser } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Path of the browser; null where there is none, said once. */
export const browserPath = (): string | null => places.find((path) => existsSync(path)) ?? null

/** The browser of the development dependencies, unpacked once for all tests of a machine. */
function unpackedPath(): string {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '../..')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const path = join(tmpdir(), `smoe-chromium-${version}`)
  if (existsSync(path)) return path
  const draft = mkdtempSync(join(tmpdir(), 'smoe-chromium-'))
  writeFileSync(join(draft, 'chromium'), brotliDecompressSync(readFileSync(join(folder, 'bin/chromium.br'))), { mode: 0o755 })
  // another test may have done the same: the file is whole at every moment
  renameSync(join(draft, 'chromium'), path)
  rmSync(draft, { recursive: true })
  return path
}

/** A browser that runs scripts, though it may draw nothing: null where not even that starts. */
export function scriptBrowserPath(): string | null {
  const found = browserPath()
  if (found !== null) return found
  const path = unpackedPath()
  return spawnSync(path, ['--version', '--no-sandbox']).status === 0 ? path : null
}

/** Nothing of it looks for a network. */
const switches = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, headless: true, args: switches })
