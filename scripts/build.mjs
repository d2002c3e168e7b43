// Builds the package into dist/: the command line, the libraries, and their types.
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { embeddedStd, libraries, libraryOptions, programOptions, root } from './bundle.mjs'
import { pageAssets } from './page.mjs'

const dist = join(root, 'dist')

/** What a browser loads, chunks included. */
const browserEntries = ['runtime.js', 'browser.js', 'training.js']

/** Everything that an output imports, directly or not, and from outside of the package. */
function importsOf(output, outputs, seen = new Set()) {
  if (seen.has(output)) return []
  seen.add(output)
  return outputs[output].imports.flatMap(({ path, external }) => (external ? [path] : importsOf(path, outputs, seen)))
}

rmSync(dist, { recursive: true, force: true })
const { assets } = await pageAssets()
await build({ ...programOptions({ smoe: 'cli/main.ts' }, assets), outdir: dist, chunkNames: 'program/[name]-[hash]' })
const { metafile } = await build({ ...libraryOptions(libraries), outdir: dist, chunkNames: 'library/[name]-[hash]' })

// a page that runs or trains a compiled model depends on nothing
for (const entry of browserEntries) {
  const needs = importsOf(`dist/${entry}`, metafile.outputs)
  if (needs.length > 0) throw new Error(`dist/${entry} needs ${needs.join(', ')}`)
}

writeFileSync(join(dist, 'std.js'), `/** Module path -> text of the standard library. */\nexport const std = ${embeddedStd()};\n`)

const command = join(dist, 'smoe.js')
writeFileSync(command, `#!/usr/bin/env node\n${readFileSync(command, 'utf8')}`)
chmodSync(command, 0o755)
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
process.stderr.write('built dist/\n')
