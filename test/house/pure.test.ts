import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createLoader } from '../../cli/load.ts'
import { processTerminal } from '../../cli/terminal.ts'
import { compile } from '../../compiler/compile.ts'
import { checkPlan } from '../../plan/check.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE } from '../../plan/target.ts'

const examples = readdirSync('examples')
  .filter((name) => name.endsWith('.smoe'))
  .map((name) => `examples/${name}`)

function planOf(path: string): Plan {
  const { plan, diagnostics } = compile(
    { path, text: readFileSync(path, 'utf8') },
    { load: createLoader(processTerminal()), target: PORTABLE },
  )
  if (plan === null) throw new Error(`${path}: ${diagnostics.map(({ message }) => message).join('; ')}`)
  return plan
}

for (const path of examples) {
  test(`${path}: the same text gives the same bytes, and they are a plan again`, () => {
    const [first, second] = [JSON.stringify(planOf(path)), JSON.stringify(planOf(path))]
    expect(second).toBe(first)
    const read: unknown = JSON.parse(first)
    expect(checkPlan(read).problems).toEqual([])
    expect(read).toEqual(planOf(path))
  })
}
