/** A command line like the one that was typed. */
import type { Command } from 'commander'

const PLAIN = /^[\w./:=,@%+-]+$/

/** As a shell reads it back. */
const quoted = (word: string): string => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** The options that were typed, but those of the given names: `['--seed', '9']`. */
export function typedOptions(command: Command, except: readonly string[]): readonly string[] {
  return command.options.flatMap((option) => {
    const name = option.attributeName()
    if (command.getOptionValueSource(name) !== 'cli' || except.includes(name)) return []
    const value: unknown = command.getOptionValue(name)
    if (typeof value === 'boolean') return [option.long!]
    if (option.variadic) return [option.long!, ...(value as readonly string[])]
    // an option that may be repeated gathers its values
    return Array.isArray(value) ? value.flatMap((each) => [option.long!, String(each)]) : [option.long!, String(value)]
  })
}

export const commandLine = (words: readonly string[]): string => words.map(quoted).join(' ')
