/**
 * Exports every checkpoint of the tests and has transformers load each:
 * `npm run -s exports -- OUT [--python PATH] [--only TEXT]`. Beside each export stand the logits of smoe in f64, from what was
 * exported. Encoders are left to the tests. Ends with 1 where logits differ.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { CASES, writeCase } from './exports/cases.ts'

const [out, ...rest] = process.argv.slice(2)
const optionOf = (name: string, otherwise: string): string => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : otherwise)

const cases = CASES.filter(({ name }) => name.includes(optionOf('--only', '')))
const folders = cases.map(({ name }) => join(out, name))
for (const [at, one] of cases.entries()) await writeCase(one, folders[at])
console.log(`${cases.length} exports in ${out}`)
const { status } = spawnSync(optionOf('--python', 'python3'), ['scripts/exports/load.py', ...folders], { stdio: 'inherit' })
process.exitCode = status ?? 1
