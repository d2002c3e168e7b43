/**
 * Small kernels as text, whole: a change of the compiler shows here in the words of the shader.
 * `npx vitest run test/wgsl/kernels.test.ts -u` writes them anew where the change is meant.
 */
import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.ts'
import { PORTABLE, type Target } from '../../plan/target.ts'
import { load } from '../support/sources.ts'
import { wgslKernels } from '../support/wgsl.ts'

const CPU: Target = { ...PORTABLE, name: 'cpu', kind: 'cpu', subgroupSize: 4, features: ['subgroups'] }

const model = (body: string, imports = ''): string => `${imports}model m(D: int = 8, E: int = 4) {\n${body}\n}\n`

const route = (policy: string, call = policy): string =>
  model(
    `  input x: f32[T, D]
  output y = moe(x) {
    experts E of swiglu(F = 8)
    route ${call}
  }`,
    `import { swiglu } from "std/experts/swiglu"\nimport { ${policy} } from "std/policies/${policy}"\n`,
  )

/** Name -> spec, target, and the kernels of its plan by a part of their label. */
const KERNELS: Readonly<Record<string, readonly [spec: string, target: Target, label: RegExp]>> = {
  elements: [model('  input x: f32[T, D]\n  input y: f32[T, D]\n  output z = x * sigmoid(y) + 0.5'), PORTABLE, /./],
  'elements-transposed': [model('  input x: f32[T, D]\n  output z = x.T * 2.0'), PORTABLE, /./],
  remainder: [model('  input x: i32[T]\n  output z = x % 3'), PORTABLE, /./],
  'rows-softmax': [model('  input x: f32[T, D]\n  output z = softmax(x)'), PORTABLE, /./],
  'rows-softmax-cpu': [model('  input x: f32[T, D]\n  output z = softmax(x)'), CPU, /./],
  'sum-of-columns': [model('  input x: f32[T, D]\n  output z = sum(x, axis = 0)'), PORTABLE, /./],
  embedding: [model('  input ids: i32[T]\n  param table: f32[E, D]\n  output z = take(table, ids)'), PORTABLE, /./],
  'dense-product': [model('  input x: f32[T, D]\n  param w: f32[E, D]\n  output z = x @ w.T'), PORTABLE, /./],
  'dense-product-cpu': [model('  input x: f32[T, D]\n  param w: f32[E, D]\n  output z = x @ w.T'), CPU, /./],
  gate: [route('top_k', 'top_k(k = 2)'), PORTABLE, /gate/],
  order: [route('top_k', 'top_k(k = 2)'), PORTABLE, /sort/],
  'grouped-products-cpu': [route('top_k', 'top_k(k = 2)'), CPU, /experts_matmul/],
}

test.each(Object.entries(KERNELS))('%s', async (name, [text, target, label]) => {
  const { plan, diagnostics } = compile({ path: `${name}.smoe`, text }, { load, target })
  expect(diagnostics).toEqual([])
  const kernels = wgslKernels(plan!).filter((kernel) => label.test(kernel.name))
  expect(kernels.length).toBeGreaterThan(0)
  await expect(kernels.map(({ wgsl }) => wgsl).join('\n')).toMatchFileSnapshot(`kernels/${name}.wgsl`)
})
