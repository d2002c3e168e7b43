/** The command of the package: starts the program with V8's code cache. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandIn, loadProgram } from './code-cache.ts'
import { EXIT } from './exit.ts'
import type { finished } from './main.ts'
import { optimiseLater } from './v8.ts'

/** Put in by the build: the name of the program's file, without its ending. */
declare const PROGRAM: string

// flags decide whether V8 takes a cache
optimiseLater()
const here = fileURLToPath(new URL('.', import.meta.url))
const { exports, save } = loadProgram({
  program: join(here, `${PROGRAM}.cjs`),
  name: PROGRAM,
  directory: join(here, '../.cache'),
  command: commandIn(process.argv.slice(2)),
})
if ((await (exports as { readonly finished: typeof finished }).finished) === EXIT.ok) save()
