// The script and the style of the routing report's page, embedded in place of `PAGE_ASSETS`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bundle.mjs'

const style = 'cli/routing/page/page.css'

/** JSON of `{ script, style }`, and the files it was made of, relative to the root. */
export async function pageAssets() {
  const { build } = await import('esbuild')
  const { outputFiles, metafile } = await build({
    absWorkingDir: root, entryPoints: ['cli/routing/page/client/main.ts'], bundle: true, write: false, metafile: true,
    format: 'iife', platform: 'browser', target: 'es2022', minify: true, charset: 'utf8', logLevel: 'silent',
  })
  return {
    assets: JSON.stringify({ script: outputFiles[0].text, style: readFileSync(join(root, style), 'utf8') }),
    sources: [...Object.keys(metafile.inputs), style, 'scripts/page.mjs'],
  }
}
