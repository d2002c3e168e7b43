/** What a command is to the program, and the pieces many of them share. */
import { Option, type Command } from 'commander'
import type { Format } from './output.ts'
import type { ExitCode } from './exit.ts'
import type { Terminal } from './terminal.ts'

export interface CommandModule {
  /** Adds arguments and options, and sets the action by `run`. */
  readonly define: (command: Command, context: Context) => Command
}

export interface Context {
  readonly terminal: Terminal
  /** Wraps an action so that what it returns becomes the exit code. */
  readonly run: <A extends readonly unknown[]>(
    action: (...args: A) => ExitCode | Promise<ExitCode>,
  ) => (...args: A) => Promise<void>
}

export interface FormatOption {
  readonly format: Format
}

export const formatOption = (): Option =>
  new Option('--format <format>', 'text for people, json for programs').choices(['text', 'json']).default('text')

/** `--set D=64`, as often as needed. */
export const setOption = (): Option =>
  new Option('--set <name=value>', 'gives a parameter of the model another value; may be repeated')
    .argParser((value: string, earlier: readonly string[]) => [...earlier, value])
    .default([], 'the values in the spec')

/** The root of imports. */
export const rootOption = (): Option =>
  new Option('--root <dir>', 'imports are files below this folder (default: the folder of the spec)')

export const modelOption = (): Option => new Option('--model <name>', 'which model, where the spec declares several')
