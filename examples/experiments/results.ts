/** Results of an experiment that can be stopped: a line of JSON each, in the order in which they were found. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

/** A line that was cut off when the run was stopped is left out. */
export const readResults = <T>(file: string): readonly T[] =>
  !existsSync(file)
    ? []
    : readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as T)

export const appendResult = (file: string, result: unknown): void => appendFileSync(file, `${JSON.stringify(result)}\n`)
