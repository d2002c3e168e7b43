/** Which device a command takes, what it says of it, and the options that are for the cpu device alone. */
import { afterAll, expect, test } from 'vitest'
import { mayHaveGpu } from '../../runtime/node/gpu-present.ts'
import { openCpuDevice } from '../../runtime/node/threads.ts'
import { LAYER, place } from './harness.ts'

const ONES = 'model ones(D: int = 4) {\n  input x: f32[T, D]\n  output y = x * 2 + 1\n}\n'

/** A numpy array of zeros. */
function zeros(rows: number, columns: number): Uint8Array {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`.padEnd(117) + '\n'
  const bytes = new Uint8Array(10 + header.length + 4 * rows * columns)
  bytes.set([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length & 255, header.length >> 8])
  bytes.set(Buffer.from(header, 'latin1'), 10)
  return bytes
}

const run = (...args: readonly string[]) =>
  place({ 'ones.smoe': ONES, 'x.npy': zeros(3, 4) }).smoe('run', 'ones.smoe', '--in', 'x=x.npy', ...args)

test('the cpu device by name, with a number of threads', async () => {
  const { code, err } = await run('--device', 'cpu', '--threads', '3', '--out', 'y.safetensors')
  expect(code, err).toBe(0)
  expect(err).toMatch(/^on cpu, 3 threads: it was asked for\n/)
  expect(err).toContain('wrote y[3, 4] to y.safetensors')
})

test.runIf(!mayHaveGpu())('auto is the cpu device where there is no GPU, and says why', async () => {
  const { code, err } = await run('--threads', '1')
  expect(code, err).toBe(0)
  expect(err).toMatch(/^on cpu, 1 thread: this machine has no GPU\n/)
})

const probe = openCpuDevice({ threads: 1, fast: true })
const [, fast] = probe.choice.reason.split('; ')
afterAll(() => probe.dispose())

test('--fast says whether the platform has what it allows', async () => {
  const { code, err } = await run('--device', 'cpu', '--threads', '2', '--fast')
  expect(code, err).toBe(0)
  expect(err).toContain(`on cpu, 2 threads: it was asked for; ${fast}\n`)
})

test.each([
  [['--threads', '0'], "'0' is not a number of threads"],
  [['--threads', 'two'], "'two' is not a number of threads"],
  [['--device', 'swiftshader', '--threads', '2'], "--threads is for the cpu device, and this is 'swiftshader'"],
  [['--device', 'software', '--fast'], "--fast is for the cpu device, and this is 'software'"],
  [['--device', 'reference', '--threads', '2'], '--threads is for the cpu device, and the reference is none'],
])('%j is refused', async (args, message) => {
  const { code, err } = await run(...args)
  expect(code).toBe(2)
  expect(err).toContain(message)
})

test('--target cpu opens nothing, and --fast is a feature of the plan', async () => {
  const there = place({ 'layer.smoe': LAYER })
  expect(await there.smoe('compile', 'layer.smoe', '-o', 'out', '--target', 'cpu')).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^layer: \d+ kernels, \d+ weights, for cpu\n$/) as string,
  })
  const plan = (): { target: string; requires: { features: readonly string[] } } =>
    JSON.parse(there.read('out/plan.json')!) as ReturnType<typeof plan>
  expect(plan()).toMatchObject({ target: 'cpu', requires: { features: [] } })
  expect((await there.smoe('compile', 'layer.smoe', '-o', 'out', '--target', 'cpu', '--fast')).err).toContain('for cpu, fast')
  expect(plan()).toMatchObject({ target: 'cpu', requires: { features: ['relaxed-simd'] } })
  expect(await there.smoe('compile', 'layer.smoe', '-o', 'out', '--fast')).toMatchObject({
    code: 2,
    err: 'smoe: --fast is for the cpu device, and the target is portable\n  --target cpu takes it\n',
  })
  const { code, out } = await there.smoe('explain', 'layer.smoe', '--stage', 'kernels', '--target', 'cpu')
  expect(code).toBe(0)
  expect(out).toContain('matmul')
})
