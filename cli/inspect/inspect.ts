/** A checkpoint, alone or beside another, layer by layer. */
import type { LayerDifference, LayerInspection } from '../../analysis/inspect/layer.ts'
import type { Text } from '../../analysis/eval/evaluate.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Device } from '../../runtime/device.ts'
import { checkSource } from '../checking.ts'
import { refuseErrors } from '../diagnostics.ts'
import { checkTokens } from '../eval/texts.ts'
import { EXIT, Failure } from '../exit.ts'
import { lowered } from '../export/given.ts'
import { withLoaded, type GivenModel } from '../model/open.ts'
import { textPorts } from '../model/ports.ts'
import { openModelSource } from '../model/source.ts'
import { createProgress } from '../progress.ts'
import { routedLayers } from '../prune/layers.ts'
import { openWeights } from '../run/weights.ts'
import type { Terminal } from '../terminal.ts'
import { inspectTokens, ON_TOKENS, type OnTokens } from './tokens.ts'
import {
  areComparable,
  differenceWork,
  inspectedLayers,
  layerDifference,
  layerWeights,
  weightWork,
  type Inspected,
} from './weights.ts'

interface Opened {
  readonly name: string
  readonly layers: readonly Inspected[]
  readonly close: () => Promise<void>
}

/** Reads headers alone. Throws a Failure for a spec with mistakes, and where no weights are. */
async function openInspected({ typed, weights: given, spec }: GivenModel, terminal: Terminal): Promise<Opened> {
  const { source, weights: beside } = await openModelSource(typed, terminal)
  const { model, diagnostics } = checkSource(source, spec, terminal)
  refuseErrors(diagnostics, terminal)
  if (model === null) throw new Failure(EXIT.usage, `'${typed}' declares no model`)
  const weights = given ?? beside
  if (weights === null) throw new Failure(EXIT.usage, `'${typed}' has no weights`, 'say where they are with --weights PATH')
  const graph = lowered(model)
  const { checkpoint } = await openWeights(weights, terminal)
  const layers = inspectedLayers(routedLayers(graph), graph.ports, checkpoint)
  return { name: model.name, layers, close: () => checkpoint.close() }
}

/** The layer of the other checkpoint with the same weights; a note where there is none. */
function partnerOf(one: Inspected, { name, layers }: Opened): Inspected | string {
  const { path, experts } = one.layer
  const other = layers.find(({ layer }) => layer.path === path)
  if (other === undefined) return `${name} has no routed layer ${path}: it is not compared`
  if (areComparable(one, other)) return other
  const counts = other.layer.experts === experts ? 'weights of other shapes' : `${other.layer.experts} experts, not ${experts}`
  return `${path} of ${name} has ${counts}: it is not compared`
}

export interface Texts {
  readonly texts: readonly Text[]
  readonly device: Device | null
  readonly context: number
}

/** Opens both models on a device, and runs the texts. */
async function onTexts(
  given: GivenModel,
  other: GivenModel | null,
  { texts, device, context }: Texts,
  terminal: Terminal,
): Promise<OnTokens> {
  const count = texts.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const progress = createProgress(terminal, (done) => `${done} of ${count} tokens`, count)
  const request = { texts, context, onProgress: (done: number) => progress.update(done) }
  const check = (plan: Plan): void => checkTokens(texts, textPorts(plan).vocabulary, plan.model)
  const lowering = { lower: ON_TOKENS }
  try {
    return await withLoaded(device, terminal, { ...given, ...lowering }, check, (own) =>
      other === null
        ? inspectTokens(own, null, request)
        : withLoaded(device, terminal, { ...other, ...lowering }, check, (beside) => inspectTokens(own, beside, request)),
    )
  } finally {
    progress.end()
  }
}

export interface InspectRequest {
  readonly given: GivenModel
  readonly other: GivenModel | null
  /** Experts of each layer whose matrices are decomposed. */
  readonly spectra: number
  readonly texts: Texts | null
}

export interface Inspection {
  readonly notes: readonly string[]
  readonly layers: readonly LayerInspection[]
}

type WeightsOfLayer = Omit<LayerInspection, 'tokens' | 'difference'> & {
  readonly difference: Pick<LayerDifference, 'experts' | 'routers'> | null
}

async function weightsOf(
  one: Opened,
  partners: readonly (Inspected | string)[],
  spectra: number,
  terminal: Terminal,
): Promise<readonly WeightsOfLayer[]> {
  const all = one.layers.reduce(
    (sum, layer, at) => sum + weightWork(layer, spectra) + (typeof partners[at] === 'object' ? differenceWork(layer) : 0),
    0,
  )
  const progress = createProgress(terminal, `weights of ${one.name}`, all)
  let done = 0
  const onWork = (count: number): void => progress.update((done += count))
  try {
    const made: WeightsOfLayer[] = []
    for (const [at, layer] of one.layers.entries()) {
      const weights = await layerWeights(layer, spectra, onWork)
      const partner = partners.at(at)
      const difference = typeof partner === 'object' ? await layerDifference(layer, partner, weights.norms, onWork) : null
      made.push({ ...weights, difference })
    }
    return made
  } finally {
    progress.end()
  }
}

/** Throws what reading weights and running models throw. */
export async function inspect({ given, other, spectra, texts }: InspectRequest, terminal: Terminal): Promise<Inspection> {
  const one = await openInspected(given, terminal)
  const two =
    other === null
      ? null
      : await openInspected(other, terminal).catch(async (problem: unknown) => {
          await one.close()
          throw problem
        })
  try {
    const partners = two === null ? [] : one.layers.map((layer) => partnerOf(layer, two))
    const layers = await weightsOf(one, partners, spectra, terminal)
    const tokens = texts === null || layers.length === 0 ? null : await onTexts(given, other, texts, terminal)
    return {
      notes: partners.filter((partner) => typeof partner === 'string'),
      layers: layers.map(({ difference, ...weights }) => ({
        ...weights,
        tokens: tokens?.own.get(weights.layer) ?? null,
        difference:
          difference === null
            ? null
            : {
                ...difference,
                tokens: tokens?.other.get(weights.layer) ?? null,
                change: tokens?.change.get(weights.layer) ?? null,
              },
      })),
    }
  } finally {
    await one.close()
    await two?.close()
  }
}
