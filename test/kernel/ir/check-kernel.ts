/**
 * What every kernel must keep: it is plain data, it parses back from its text, its WGSL is that of the parsed one, and it
 * verifies.
 */
import { expect } from 'vitest'
import type { KernelProgram } from '../../../compiler/kernel/ir/kernel.ts'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../../compiler/kernel/ir/print.ts'
import { symbolsOfKernel } from '../../../compiler/kernel/ir/sizes.ts'
import { faultText, verifyKernel } from '../../../compiler/kernel/ir/verify.ts'
import { emitKernel } from '../../../compiler/wgsl/emit-kernel.ts'
import { storageOf } from '../../../compiler/emit/storage.ts'
import type { Target } from '../../../plan/target.ts'

/** Where a value is not JSON-like, as a path; null where all of it is. A value may be reached on several ways. */
export function notData(value: unknown, path = 'kernel', seen = new Set<unknown>()): string | null {
  if (value === null || value === undefined || ['string', 'number', 'boolean'].includes(typeof value)) return null
  if (typeof value !== 'object') return `${path} is a ${typeof value}`
  if (seen.has(value)) return null
  seen.add(value)
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return `${path} is no plain object`
  for (const [key, inner] of Object.entries(value)) {
    const fault = notData(inner, `${path}.${key}`, seen)
    if (fault !== null) return fault
  }
  return null
}

const wgslOf = (kernel: KernelProgram, target: Target): string => {
  const dims = symbolsOfKernel(kernel)
  return emitKernel(kernel, { dims, target, variant: 'prefill', storage: storageOf }).kernel.wgsl
}

export function checkKernel(kernel: KernelProgram, target: Target): void {
  const { name, template, buffers, computation } = kernel
  const bare = { name, template, buffers: buffers.map(({ node: _, ...binding }) => binding), computation }
  expect(notData(bare)).toBeNull()
  const text = printKernel(kernel)
  const parsed = parseKernel(text)
  expect(printKernel(parsed)).toBe(text)
  expect(parsed.buffers).toEqual(bare.buffers)
  expect(wgslOf({ ...kernel, computation: parsed.computation }, target)).toBe(wgslOf(kernel, target))
  expect(verifyKernel(kernel, target).map(faultText)).toEqual([])
}
