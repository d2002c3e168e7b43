/** `smoe import DIR`: a readable spec for a checkpoint in the Hugging Face layout. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { CommandModule, Context } from '../command.ts'
import { EXIT, Failure, type ExitCode } from '../exit.ts'
import { writeWhole } from '../files.ts'
import { importModel, type Imported } from '../import/import.ts'
import { missingFile, readText } from '../load.ts'
import type { Terminal } from '../terminal.ts'

interface Options {
  readonly output?: string
}

/** The path of config.json: what was typed, or inside of it. */
function configPath(typed: string, terminal: Terminal): string {
  const found = statSync(terminal.path(typed), { throwIfNoEntry: false })
  if (found === undefined) throw missingFile(typed, terminal)
  return found.isDirectory() ? join(typed, 'config.json') : typed
}

function readConfig(path: string, terminal: Terminal): unknown {
  const text = readText(path, terminal)
  try {
    return JSON.parse(text) as unknown
  } catch (problem) {
    throw new Failure(EXIT.badCheckpoint, `${path} is no JSON: ${(problem as Error).message}`)
  }
}

/** The spec of a checkpoint by its folder or config. Throws a Failure where there is none or it is not supported. */
export function importFrom(typed: string, terminal: Terminal): Imported & { readonly kind: 'spec' } {
  const path = configPath(typed, terminal)
  const result = importModel(readConfig(path, terminal))
  if (result.kind === 'unsupported') throw new Failure(EXIT.badCheckpoint, `${path}: ${result.message}`)
  return result
}

function importCheckpoint(typed: string, options: Options, terminal: Terminal): ExitCode {
  const result = importFrom(typed, terminal)
  if (options.output === undefined || options.output === '-') terminal.out(result.spec)
  else {
    writeWhole(options.output, result.spec, terminal)
    terminal.err(`wrote ${options.output}\n`)
  }
  return EXIT.ok
}

export const importCommand: CommandModule = {
  define: (command: Command, { run, terminal }: Context) =>
    command
      .argument('<dir>', 'folder of the checkpoint, or its config.json')
      .option('-o, --output <file>', 'where to write the spec; standard output by default')
      .action(run((typed: string, options: Options) => importCheckpoint(typed, options, terminal))),
}
