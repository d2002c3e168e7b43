/** Warnings for trained weights whose gradient is always 0. */
import type { Diagnostic } from '../grammar/diagnostic.ts'
import type { Span } from '../grammar/source.ts'
import { checkArgument, object, text } from '../plan/arguments.ts'
import { zeroGradientWeights } from './autodiff/zero-gradients.ts'
import { refusalOf } from './kernel/refusal.ts'
import { lower } from './lower/lower.ts'
import type { Model } from './model/model.ts'
import { learnsWeight } from './model/train/learns.ts'

/**
 * A warning for each place in the spec whose trained weights always have a gradient of 0; empty for a model without training. If
 * the model cannot be lowered, the error takes their place. The model must come from a spec without mistakes.
 */
export function zeroGradientWarnings(model: Model): readonly Diagnostic[] {
  checkArgument('zeroGradientWarnings', 'model', model, object({ name: text }))
  const { train } = model
  if (train === null) return []
  try {
    const weights = zeroGradientWeights([lower(model, { training: true }), lower(model, { training: [] })])
    return warningsOf(weights.filter(({ params: { name } }) => learnsWeight(train, name)))
  } catch (problem) {
    return [refusalOf(problem, train.origin.span)]
  }
}

function warningsOf(idle: ReturnType<typeof zeroGradientWeights>): readonly Diagnostic[] {
  const places = new Map<string, { readonly span: Span; readonly names: string[] }>()
  for (const {
    params: { name },
    origin: { span },
  } of idle) {
    if (span === null) continue
    const key = `${span.source.path}:${span.start}`
    places.set(key, { span, names: [...(places.get(key)?.names ?? []), name] })
  }
  return [...places.values()].map(({ span, names }) => ({
    code: 'SMOE7002',
    severity: 'warning',
    span,
    related: [],
    fix: null,
    message: `the gradient of ${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''} is always 0: a value divided by its own sum over one element is 1`,
    help: 'with one expert a token, weights that are scaled to sum to 1 are 1: leave them as they are, select two experts or more, or add a loss of the scores',
  }))
}
