/**
 * `npm run style`: prints every line that is too wide, every old word and every source without a test, and fails where there is
 * one. `--fix` breaks wide comments and paragraphs anew; `--all` shows what stands in folders that are not yet clean.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writtenFiles } from './style/files.ts'
import { reflow } from './style/reflow.ts'
import { checkStyle, lineOf } from './style/style.ts'
import { untested } from './style/tested.ts'

const root = process.cwd()
const args = process.argv.slice(2)
const only = args.filter((arg) => !arg.startsWith('--'))
const files = writtenFiles(root).filter(({ path }) => only.length === 0 || only.some((start) => path.startsWith(start)))

if (args.includes('--fix'))
  for (const file of files) {
    const text = reflow(file)
    if (text !== file.text) writeFileSync(join(root, file.path), text)
  }

const { problems: found, unclean } = checkStyle(
  args.includes('--fix') ? writtenFiles(root) : files,
  args.includes('--all') ? [] : undefined,
)
const problems = [...found, ...(only.length === 0 ? untested(files) : [])]
const say = (text: string): void => void process.stdout.write(`${text}\n`)
for (const problem of problems) say(lineOf(problem))
for (const [folder, found] of unclean)
  if (only.length === 0)
    say(
      found.length === 0
        ? `${folder}: clean, take it from scripts/style/unclean.ts`
        : `${folder}: ${found.length} left, see npm run style -- --all ${folder}`,
    )
say(problems.length === 0 ? 'the style is kept' : `${problems.length} breaches of style`)
process.exitCode = problems.length === 0 ? 0 : 1
