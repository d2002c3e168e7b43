/** Faults that are planted into the text of real kernels: all are refused, with the kernel, the statement and the fault. */
import { expect, test } from 'vitest'
import { parseKernel } from '../../../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../../../compiler/kernel/ir/print.ts'
import { faultText, verifyKernel } from '../../../../compiler/kernel/ir/verify.ts'
import { PORTABLE } from '../../../../plan/target.ts'
import { kernelsOf, specs } from '../../../support/kernel-corpus.ts'

const kernels = kernelsOf(
  specs.find(({ name }) => name === 'examples/01-first-routed-layer')!,
  PORTABLE,
)
const texts = kernels.map(printKernel)
const textOf = (...parts: readonly string[]): string => texts.find((text) => parts.every((part) => text.includes(part)))!

export const GATE = textOf('"gate"', 'shared partial')
export const ELEMENTWISE = textOf('"elementwise"')
export const LOOKUP = textOf('"matmul"', 'experts lookup', 'down')
export const SORTED = textOf('"matmul"', 'experts sorted', 'down')

/** Replaces the first occurrence, which must be there. */
export function replaced(text: string, from: string | RegExp, to: string): string {
  const after = text.replace(from, to)
  expect(after).not.toBe(text)
  return after
}

/** In the body of a kernel, before its first statement. */
export const begun = (text: string, ...lines: readonly string[]): string =>
  replaced(text, 'body {\n', `body {\n${lines.join('\n')}\n`)

export type Planted = readonly [name: string, text: () => string, fault: RegExp]

export const refuses = (planted: readonly Planted[]): void =>
  test.each(planted)('refuses %s', (_, text, fault) => {
    const kernel = parseKernel(text())
    const faults = verifyKernel(kernel).map(faultText)
    expect(faults.join('\n')).toMatch(fault)
    for (const each of faults) expect(each.startsWith(`${kernel.name}: `)).toBe(true)
  })
