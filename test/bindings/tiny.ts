/** A small model that learns: two layers, of which some compete now and then. */
import { generateBindings } from '../../compiler/bindings/generate.ts'
import { compile } from '../../compiler/compile.ts'
import { recipeOf } from '../../compiler/recipe.ts'
import { compileTraining, type TrainingGraphs } from '../../compiler/train.ts'
import type { Source } from '../../grammar/source.ts'
import type { Plan } from '../../plan/plan.ts'
import { PORTABLE, type Target } from '../../plan/target.ts'
import { framed } from '../support/check.ts'
import { load } from '../support/sources.ts'

const MODEL = `
import { rms_norm } from "std/blocks/norm"
import { swiglu } from "std/experts/swiglu"
import { competition } from "std/policies/competition"

model tiny_talk(V: int = 11, D: int = 12, F: int = 8, L: int = 2, E: int = 4) {
  input tokens: i32[B, S]
  param embed: f32[V, D] = normal(0.5)
  param head: f32[V, D] = normal(0.5)
  var h = take(embed, tokens)
  repeat layers[i] in 0..L {
    h = h + moe(rms_norm(h) as moe_norm) {
      experts E of swiglu(F = F)
      route competition(k = 2, rate = 0.5, layers = 1)
      require dropless
    }
  }
  output logits: f32[B, S, V] = rms_norm(h) as final_norm @ head.T
`

const TRAIN = `
  train {
    /// the token after each
    input targets: i32[B, S]
    loss next = cross_entropy(logits, targets)
    metric accuracy = accuracy(logits, targets)
    optimiser adamw(rate = 1e-2, decay = 0.1)
    accumulate 2
    batch B = 2, S = 12
    steps 6
    seed 3
  }
`

const WEIGHTS = `
  weights {
    embed = "table"[:11]
    head = "table"[11:]
    layers.{i}.moe.experts.{e}.down = "down.{i}.{e}".T
  }
`

const sourceOf = (...blocks: readonly string[]): Source => ({ path: 'tiny.smoe', text: `${MODEL}${blocks.join('')}}\n` })

/** Learns. */
export const TINY = sourceOf(TRAIN)
/** Does not. */
export const STILL = sourceOf()
/** Learns, and has weights that a checkpoint calls otherwise. */
export const RENAMED = sourceOf(TRAIN, WEIGHTS)

export function planOf(source: Source, target: Target = PORTABLE): Plan {
  const { plan, diagnostics } = compile(source, { load, target })
  if (plan === null) throw new Error(framed(diagnostics))
  return plan
}

export function graphsOf(source: Source): TrainingGraphs {
  const { graphs, diagnostics } = compileTraining(source, { load })
  if (graphs === null) throw new Error(framed(diagnostics))
  return graphs
}

/** As `smoe compile` writes them. */
export function bindingsOf(source: Source): string {
  const { plan, model, diagnostics } = compile(source, { load, target: PORTABLE })
  if (plan === null || model === null) throw new Error(framed(diagnostics))
  return generateBindings(plan, recipeOf(model))
}
