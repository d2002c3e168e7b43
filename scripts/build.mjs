// Builds the package into dist/: the command line, the compiler, the runtime, and their types.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bundleOptions, root } from './bundle.mjs'

const dist = join(root, 'dist')
const present = (entries) => Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(join(root, file))))

rmSync(dist, { recursive: true, force: true })
const node = bundleOptions(present({ smoe: 'cli/main.ts', compiler: 'compiler/compile.ts', std: 'cli/std.ts', dawn: 'runtime/dawn/index.ts' }))
await build({ ...node, outdir: dist, chunkNames: 'chunks/[name]-[hash]', minifySyntax: true })

// a browser's half: depends on nothing
await build({ ...bundleOptions(present({ runtime: 'runtime/index.ts' }), 'browser'), outdir: dist, splitting: false })

const command = join(dist, 'smoe.js')
writeFileSync(command, `#!/usr/bin/env node\n${readFileSync(command, 'utf8')}`)
chmodSync(command, 0o755)
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
process.stderr.write('built dist/\n')
