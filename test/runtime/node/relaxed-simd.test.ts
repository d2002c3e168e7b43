/** Relaxed multiply-add: where it is there it computes what strict kernels do, in fewer roundings; elsewhere it is said. */
import { expect, test, vi } from 'vitest'
import { compile } from '../../../compiler/compile.ts'
import { CPU, RELAXED_SIMD, SIMD_256 } from '../../../plan/target.ts'
import type { Device } from '../../../runtime/device.ts'
import { memoryCheckpoint } from '../../../runtime/checkpoint/memory.ts'
import { enableRelaxedSimd, relaxedSimd } from '../../../runtime/node/relaxed-simd.ts'
import { enableRevectorizer } from '../../../runtime/node/revectorizer.ts'
import { openCpuDevice } from '../../../runtime/node/threads.ts'
import { createSession } from '../../../runtime/session.ts'
import { load } from '../../support/sources.ts'

const K = 96
const NARROW = '128 bits: this platform has no revectorizer'
const TEXT = `model mix(D: int = ${K}) {
  input x: f32[T, D]
  param w: f32[D, D]
  output y = x @ w.T
}
`
const values = (length: number, step: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * step))
const [x, w] = [values(5 * K, 1.7), values(K * K, 0.9)]

async function product(device: Device): Promise<ArrayLike<number>> {
  const { plan } = compile({ path: 'mix.smoe', text: TEXT }, { target: device.target, load })
  const session = await createSession(device, plan!)
  await session.loadWeights(memoryCheckpoint({ w: { shape: [K, K], data: w } }))
  const { y } = await session.run({ x: { shape: [5, K], data: x } })
  return y.data
}

const exact = (row: number, column: number): number =>
  Array.from({ length: K }, (_, k) => x[row * K + k] * w[column * K + k]).reduce((sum, term) => sum + term, 0)

test.runIf(enableRelaxedSimd())('a fast device says so, and computes products within the bounds of strict ones', async () => {
  const device = openCpuDevice({ threads: 2, fast: true })
  const isWide = enableRevectorizer() === 'yes'
  expect(device.choice.reason).toBe(`it was asked for; relaxed multiply-add, vectors of ${isWide ? '256 bits' : NARROW}`)
  expect(device.target.features).toEqual([...CPU.features, RELAXED_SIMD, ...(isWide ? [SIMD_256] : [])])
  expect(device.features.has('relaxed-simd')).toBe(true)
  const y = await product(device)
  for (let row = 0; row < 5; row++)
    for (let column = 0; column < K; column++)
      expect(Math.abs(y[row * K + column] - exact(row, column))).toBeLessThan(K * 2 ** -24)
  device.dispose()
})

test('without it the device is strict, and says so', async () => {
  const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false)
  const version = vi.spyOn(process, 'versions', 'get').mockReturnValue({ ...process.versions, node: '21.0.0' })
  try {
    expect(relaxedSimd()).toBe('no')
    const device = openCpuDevice({ threads: 1, fast: true })
    expect(device.choice.reason).toBe('it was asked for; strict: this platform has no relaxed multiply-add')
    expect(device.target.features).toEqual(CPU.features)
    device.dispose()
  } finally {
    version.mockRestore()
    validate.mockRestore()
  }
})
