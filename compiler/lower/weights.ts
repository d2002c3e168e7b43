/** Weights of a model as leaves of the graph, and the pieces of a checkpoint they are made of. */
import type { Node } from '../graph/node.ts'
import type { WeightSource } from '../graph/vocabulary.ts'
import { EXPERT_INDEX, type WeightFact, type WeightSourceFact, type WeightTerm } from '../model/model.ts'
import { inner, numberIn, originIn, pathIn, sizeIn, type Environment } from './environment.ts'

/** One piece of a source, with the indices of this turn and, where it is stacked, of this expert. */
function pieceOf(
  environment: Environment,
  { template, binds, slices, transpose }: WeightSourceFact,
): WeightSource['pieces'][number] {
  const tensor = template.replace(/\{([^}]*)\}/g, (whole, name: string) =>
    Object.hasOwn(binds, name) ? String(environment.values[binds[name]]) : whole,
  )
  return {
    tensor,
    transpose,
    slices: slices.map((slice) => {
      switch (slice.kind) {
        case 'all':
          return slice
        case 'index':
          return { kind: 'index', at: numberIn(environment, slice.at) }
        case 'range':
          return {
            kind: 'range',
            start: numberIn(environment, slice.start),
            stop: slice.stop === null ? null : numberIn(environment, slice.stop),
            step: slice.step,
          }
        default:
          return slice satisfies never
      }
    }),
  }
}

function sourceOf(environment: Environment, source: WeightSourceFact | null, name: string, experts: number | null): WeightSource {
  if (source === null) return { stacked: false, pieces: [{ tensor: name, slices: [], transpose: false }] }
  if (!source.stacked || experts === null) return { stacked: false, pieces: [pieceOf(environment, source)] }
  const pieces = Array.from({ length: experts }, (_, e) => pieceOf(inner(environment, { values: { [EXPERT_INDEX]: e } }), source))
  return { stacked: true, pieces }
}

const facts = new WeakMap<readonly WeightFact[], ReadonlyMap<WeightTerm, WeightFact>>()

function factOf({ model: { weights } }: Environment, term: WeightTerm): WeightFact | undefined {
  const table = facts.get(weights) ?? new Map(weights.map((fact) => [fact.term, fact]))
  facts.set(weights, table)
  return table.get(term)
}

/** The leaf of a weight; of a bank, all experts' with a leading axis. */
export function weightNode(environment: Environment, term: WeightTerm): Node {
  const name = pathIn(environment, term.path)
  const experts = term.bank === null ? null : numberIn(environment, term.bank)
  const own = term.shape.map((size) => sizeIn(environment, size))
  const shape = term.bank === null ? own : [sizeIn(environment, term.bank), ...own]
  const source = sourceOf(environment, factOf(environment, term)?.source ?? null, name, experts)
  return environment.builder.make('weight', [], { name, shape, source, doc: term.doc }, originIn(environment, term.origin))
}
