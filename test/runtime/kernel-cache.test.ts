import { expect, test } from 'vitest'
import type { WgslKernel } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import { createKernelCompiler } from '../../runtime/kernel-cache.ts'
import { wgslKernels } from '../support/wgsl.ts'
import { addPlan } from './plans.ts'

const [kernel] = wgslKernels(addPlan())
const withText = (wgsl: string): WgslKernel => ({ ...kernel, wgsl })

/** A device that records what it compiles and releases; kernels of `faulty` do not compile. */
function recorder() {
  const log: string[] = []
  const compileKernel: Device['compileKernel'] = async (given) => {
    const { wgsl } = given as WgslKernel
    log.push(`compile ${wgsl}`)
    await Promise.resolve()
    if (wgsl === 'faulty') throw new Error('it is faulty')
    return { kernel: given, release: () => void log.push(`release ${wgsl}`) }
  }
  return { log, compiler: createKernelCompiler({ compileKernel } as Device) }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

test('a kernel is compiled once for all its users, and released with the last', async () => {
  const { log, compiler } = recorder()
  await Promise.all([compiler.compile([withText('a')]), compiler.compile([withText('a'), withText('b')])])
  compiler.release([withText('a')])
  await settled()
  expect(log).toEqual(['compile a', 'compile b'])
  compiler.release([withText('a'), withText('b')])
  await settled()
  expect(log.slice(2)).toEqual(['release a', 'release b'])
  await compiler.compile([withText('a')])
  expect(log.at(-1)).toBe('compile a')
})

test('a kernel that is released while it compiles is released once it is compiled', async () => {
  const { log, compiler } = recorder()
  const compiled = compiler.compile([withText('a')])
  compiler.release([withText('a')])
  await compiled
  await settled()
  expect(log).toEqual(['compile a', 'release a'])
})

test('where one kernel does not compile, the others are released', async () => {
  const { log, compiler } = recorder()
  await expect(compiler.compile([withText('a'), withText('faulty')])).rejects.toThrow('it is faulty')
  await settled()
  expect(log).toEqual(['compile a', 'compile faulty', 'release a'])
})
