/** No false alarm: on random graphs, all stages on the host agree within the accuracy of the ops. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findingText } from '../../cli/debug/report.ts'
import { stagesOf } from '../../cli/debug/stages.ts'
import { compileGraph } from '../../compiler/compile.ts'
import { PORTABLE } from '../../plan/target.ts'
import { samples } from '../support/random-graph.ts'
import { assertProperty, fuzzTimeout } from '../support/property.ts'

test(
  'random graphs agree in all stages',
  async () => {
    await assertProperty(
      fc.asyncProperty(samples(60), async ({ graph, feeds }) => {
        const { programs, plan, diagnostics } = compileGraph(graph, PORTABLE)
        // what the target cannot bind
        if (plan === null) return expect(diagnostics).not.toEqual([])
        for await (const { finding } of stagesOf({ graph, programs, plan }, feeds, null))
          if (finding !== null) throw new Error(findingText(finding, false, false))
      }),
      40,
    )
  },
  fuzzTimeout(30_000),
)
