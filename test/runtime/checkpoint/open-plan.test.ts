import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openPlan } from '../../../runtime/checkpoint/files.ts'
import { PlanError } from '../../../runtime/errors.ts'
import { addPlan } from '../plans.ts'

const folder = mkdtempSync(join(tmpdir(), 'smoe-plan-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('a plan is read as it was written', async () => {
  const plan = addPlan()
  expect(await openPlan(written('plan.json', JSON.stringify(plan)))).toEqual(JSON.parse(JSON.stringify(plan)))
})

test.each([
  ['no file', () => join(folder, 'absent.json'), 'cannot be read'],
  ['a directory', () => folder, 'cannot be read'],
  ['text', () => written('text.json', 'plan'), 'not JSON'],
  ['another version', () => written('old.json', JSON.stringify({ ...addPlan(), version: 99 })), 'compile the spec again'],
  ['another object', () => written('other.json', '{}'), 'other.json'],
])('%s is a PlanError that names the file', async (_, path, message) => {
  const error = await openPlan(path()).catch((problem: unknown) => problem)
  expect(error).toBeInstanceOf(PlanError)
  expect((error as Error).message).toContain(folder)
  expect((error as Error).message).toContain(message)
})
