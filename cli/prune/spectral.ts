/**
 * The mean over tokens of V, the probability of a router blended with the one that the singular vectors of the experts make. Do,
 * Le and Tran, 2026, arXiv:2605.30992, section 4.
 */
import { routingOutputs } from '../../plan/output-role.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Checkpoint } from '../../runtime/checkpoint/checkpoint.ts'
import type { Device } from '../../runtime/device.ts'
import { compileSource } from '../compilation.ts'
import { checkTokens } from '../eval/texts.ts'
import { EXIT, Failure } from '../exit.ts'
import { withLoaded, type GivenModel } from '../model/open.ts'
import { textPorts } from '../model/ports.ts'
import { openModelSource } from '../model/source.ts'
import { windowResults, type WindowRequest } from '../model/windows.ts'
import { directions, OBSERVED, placeOn } from '../reroute/observe.ts'
import { probabilities, readRouterPairs, type RouterPair } from '../reroute/router-pair.ts'
import type { Blend } from '../reroute/rewrite.ts'
import { reroutedTexts } from '../reroute/text.ts'
import type { Terminal } from '../terminal.ts'
import type { ExpertLayer } from './layers.ts'

/** How `smoe reroute` blends where nothing else is said. */
export const BLEND = { alpha: 0.5, topC: 50 } as const

/** The policy for experts of so many matrices. Throws a Failure for others. */
function policyOf([{ path, own }]: readonly ExpertLayer[]): Blend['policy'] {
  const matrices = own.filter(({ shape }) => shape.length === 3).length
  if (matrices === 3) return 'spectral'
  if (matrices === 2) return 'spectral_pair'
  throw new Failure(EXIT.usage, `the experts of ${path} have ${matrices} matrices: directions are made of two or three`)
}

/** The second router of each layer, computed from the experts on the device. */
async function routerPairs(
  layers: readonly ExpertLayer[],
  { typed, spec }: GivenModel,
  checkpoint: Checkpoint,
  device: Device | null,
  terminal: Terminal,
): Promise<readonly RouterPair[]> {
  const place = placeOn(device, terminal)
  // what the import notes is told once, when the model is opened
  const { source } = await openModelSource(typed, { ...terminal, err: () => {} })
  const texts = reroutedTexts(source, { policy: policyOf(layers), ...BLEND })
  const blended = compileSource(texts.blended, spec, place.target, terminal)
  const held = await directions(place, blended, checkpoint, null)
  const named = layers.map(({ path, experts }) => ({ name: path, experts }))
  return readRouterPairs(blended.plan, named, held, checkpoint)
}

/** [E] for each layer. Streams: one window is in memory. Throws a Failure for a policy that cannot be blended. */
export async function spectralScores(
  layers: readonly ExpertLayer[],
  original: GivenModel,
  checkpoint: Checkpoint,
  request: WindowRequest,
  device: Device | null,
  terminal: Terminal,
): Promise<readonly Float64Array[]> {
  const pairs = await routerPairs(layers, original, checkpoint, device, terminal)
  const sums = layers.map(({ experts }) => new Float64Array(experts))
  let count = 0
  const check = (plan: Plan): void => checkTokens(request.texts, textPorts(plan).vocabulary, plan.model)
  await withLoaded(device, terminal, { ...original, lower: OBSERVED }, check, async (loaded) => {
    const rows = routingOutputs(loaded.compiled.plan.outputs, 'rows')
    for await (const { layers: routed, outputs } of windowResults(loaded, request)) {
      count += routed[0].tokens
      for (const { name, tokens, experts } of routed) {
        const at = layers.findIndex(({ path }) => path === name.replaceAll('/', '.'))
        const given = Float64Array.from(outputs[rows.get(name)!].data as Float32Array)
        const { blended } = probabilities(pairs[at], { rows: given, tokens, experts }, BLEND.alpha)
        blended.forEach((value, place) => (sums[at][place % experts] += value))
      }
    }
  })
  return sums.map((sum) => sum.map((value) => value / count))
}
