// Builds the package into dist/: the command line, the libraries, and their types.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { cachedProgram, embeddedStd, libraries, libraryOptions, programOptions, root } from './bundle.mjs'
import { pageAssets } from './page.mjs'

const dist = join(root, 'dist')

/** What a browser loads, chunks included. */
const browserEntries = ['runtime.js', 'browser.js', 'training.js', 'generation.js']

/** Everything that an output imports, directly or not, and from outside of the package. */
function importsOf(output, outputs, seen = new Set()) {
  if (seen.has(output)) return []
  seen.add(output)
  return outputs[output].imports.flatMap(({ path, external }) => (external ? [path] : importsOf(path, outputs, seen)))
}

/**
 * Declarations that name types of WebGPU must compile with and without them: TypeScript 6 has them in `dom`, older ones in a
 * package that clashes with it. An interface without members merges with whichever is there, and stands for it where none is.
 */
function declareGpuTypes() {
  const types = join(dist, 'types')
  const files = readdirSync(types, { recursive: true })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => join(types, name))
  const namesIn = (file) => [
    ...new Set(
      readFileSync(file, 'utf8')
        .replaceAll(/\/\*\*?[^]*?\*\/|\/\/.*/g, '')
        .match(/\bGPU[A-Z]\w*/g) ?? [],
    ),
  ]
  const official = readFileSync(join(root, 'node_modules/@webgpu/types/dist/index.d.ts'), 'utf8')
  const isInterface = (name) => new RegExp(`^interface ${name}\\b`, 'm').test(official)
  const users = files.filter((file) => namesIn(file).some(isInterface))
  const names = [...new Set(users.flatMap(namesIn))].filter(isInterface).sort()
  writeFileSync(join(types, 'gpu.d.ts'), `${names.map((name) => `interface ${name} {}\n`).join('')}`)
  for (const file of users) {
    const path = relative(dirname(file), join(types, 'gpu.d.ts')).replaceAll('\\', '/')
    writeFileSync(file, `/// <reference path="${path.startsWith('.') ? path : `./${path}`}" />\n${readFileSync(file, 'utf8')}`)
  }
}

rmSync(dist, { recursive: true, force: true })
const { assets } = await pageAssets()
const inPackage = (options) => ({ ...options, outdir: dist, define: { ...options.define, IS_PACKAGE: 'true' } })
const start = inPackage(programOptions({ smoe: 'cli/start.ts' }, assets))
const program = await cachedProgram('cli/main.ts', start)
mkdirSync(dist)
writeFileSync(join(dist, `${program.name}.cjs`), program.text)
await build({ ...start, define: { ...start.define, PROGRAM: JSON.stringify(program.name) } })
const { metafile } = await build({ ...inPackage(libraryOptions(libraries)), chunkNames: 'library/[name]-[hash]' })

// a page that runs or trains a compiled model depends on nothing
for (const entry of browserEntries) {
  const needs = importsOf(`dist/${entry}`, metafile.outputs)
  if (needs.length > 0) throw new Error(`dist/${entry} needs ${needs.join(', ')}`)
}

writeFileSync(join(dist, 'std.js'), `/** Module path -> text of the standard library. */\nexport const std = ${embeddedStd()};\n`)

const command = join(dist, 'smoe.js')
writeFileSync(command, `#!/usr/bin/env node\n${readFileSync(command, 'utf8')}`)
chmodSync(command, 0o755)
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})
declareGpuTypes()
process.stderr.write('built dist/\n')
