/** Kernels of attention mean what its ops mean, on the host in f64; its results are two kernels forward and backward. */
import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { CPU, PORTABLE } from '../../../plan/target.ts'
import { schedule } from '../../../compiler/kernel/schedule.ts'
import { parseKernel } from '../../../compiler/kernel/ir/parse.ts'
import { printKernel } from '../../../compiler/kernel/ir/print.ts'
import { verifyKernel } from '../../../compiler/kernel/ir/verify.ts'
import { optimise } from '../../../compiler/passes/pipeline.ts'
import {
  attentionFeeds,
  attentionForms,
  attentionGraphs,
  continuedFeeds,
  continuedGraph,
  PLAIN,
  type AttentionForm,
} from '../../support/attention.ts'
import { both, close } from '../../support/graph-on-host.ts'
import { assertProperty } from '../../support/property.ts'
import { inRun, MORE_IN_LONG } from '../../support/runs.ts'

const kernelsOf = (form: AttentionForm) =>
  schedule(
    optimise(attentionGraphs(form).fused, { variant: 'prefill', block: 4, tile: 4 }).graph,
    PORTABLE,
    'prefill',
  ).kernels.filter(({ computation }) => computation.kind === 'attention')

test('values and gradients are those of the graph', MORE_IN_LONG, () => {
  assertProperty(
    fc.property(attentionForms(7), fc.integer({ min: 1, max: 999 }), (form, seed) => {
      const { fused } = attentionGraphs(form)
      for (const { name, got, want } of both(fused, attentionFeeds(form, seed), CPU, 'prefill'))
        expect(
          [...want].every((value, at) => close(got[at], value)),
          name,
        ).toBe(true)
    }),
    inRun({ short: 6, long: 30, whole: 30 }),
  )
})

test('queries behind a past see what the graph says', MORE_IN_LONG, () => {
  assertProperty(
    fc.property(attentionForms(7), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 999 }), (form, T, seed) => {
      for (const { got, want } of both(continuedGraph(form, T), continuedFeeds(form, T, seed), CPU, 'prefill'))
        expect([...want].every((value, at) => close(got[at], value))).toBe(true)
    }),
    inRun({ short: 10, long: 60, whole: 60 }),
  )
})

it('one kernel has the result and the log-sum-exp, one the gradient of the query, one those of key and value', () => {
  expect(kernelsOf(PLAIN).map(({ does }) => does)).toEqual([
    'attention, attention_lse',
    'attention_query_gradient',
    'attention_key_gradient, attention_value_gradient',
  ])
})

it('a kernel is verified, and its text parses back', () => {
  const forms = [PLAIN, { ...PLAIN, cap: 1.5, window: 3, sinks: true, padded: true, ratio: 3 }, { ...PLAIN, bidirectional: true }]
  for (const kernel of forms.flatMap(kernelsOf)) {
    expect(verifyKernel(kernel)).toEqual([])
    expect(printKernel(parseKernel(printKernel(kernel)))).toBe(printKernel(kernel))
  }
})
