/**
 * Imports every checkpoint of a folder and compares its logits with those beside it: `npm run -s architectures -- FOLDER`. A line
 * each: right, with the relative error, refused, with the reason, or WRONG. Ends with 1 where one is wrong.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { linesOf } from './architectures/compare.ts'

const [out] = process.argv.slice(2)
const counts = { right: 0, refused: 0, WRONG: 0 }
for (const name of readdirSync(out).sort()) {
  const folder = join(out, name)
  if (!existsSync(join(folder, 'reference.safetensors'))) continue
  const change = existsSync(join(folder, 'change.json')) ? readFileSync(join(folder, 'change.json'), 'utf8') : ''
  for (const { layout, verdict, detail } of linesOf(folder)) {
    counts[verdict]++
    console.log(`${name.padEnd(24)} ${layout.padEnd(5)} ${verdict.padEnd(7)} ${detail}  ${change}`)
  }
}
console.log(
  Object.entries(counts)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(', '),
)
process.exitCode = counts.WRONG > 0 ? 1 : 0
