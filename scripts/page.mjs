// The scripts and the styles of the reports' pages, embedded in place of `PAGE_ASSETS`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bundle.mjs'

const base = 'cli/routing/page/page.css'

/** Name -> the script's entry point and the styles, one after the other. */
const pages = {
  routing: { entry: 'cli/routing/page/client/main.ts', styles: [base] },
  eval: { entry: 'cli/eval/page/client/main.ts', styles: [base] },
  inspect: { entry: 'cli/inspect/page/client/main.ts', styles: [base, 'cli/inspect/page/page.css'] },
  training: { entry: 'cli/training/page/client/main.ts', styles: [base, 'cli/training/page/page.css'] },
}

async function assetsOf({ entry, styles }) {
  const { build } = await import('esbuild')
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minify: true,
    charset: 'utf8',
    logLevel: 'silent',
  })
  return {
    script: outputFiles[0].text,
    style: styles.map((file) => readFileSync(join(root, file), 'utf8')).join(''),
    sources: [...Object.keys(metafile.inputs), ...styles],
  }
}

/** JSON of a `{ script, style }` for each page, and the files they were made of, relative to the root. */
export async function pageAssets() {
  const made = await Promise.all(Object.entries(pages).map(async ([name, page]) => [name, await assetsOf(page)]))
  return {
    assets: JSON.stringify(Object.fromEntries(made.map(([name, { script, style }]) => [name, { script, style }]))),
    sources: [...new Set([...made.flatMap(([, { sources }]) => sources), 'scripts/page.mjs'])],
  }
}
