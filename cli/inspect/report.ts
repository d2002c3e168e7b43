/** What an inspection found, for programs and people: a verdict beside each number that has a scale. */
import type { LayerInspection, LayerTokens, RouterRows, Spectrum } from '../../analysis/inspect/layer.ts'
import { normVerdict } from '../../analysis/inspect/norms.ts'
import type { RANK_VERDICTS, RankVerdict } from '../../analysis/inspect/spectrum.ts'
import { plural, table } from '../output.ts'

export interface InspectReport {
  /** As typed, as the other checkpoint is; null where there is none. */
  readonly model: string
  readonly with: string | null
  /** Layers that are not compared, and why. */
  readonly notes: readonly string[]
  /** Tokens that the models were run on, and in windows of how many; null for none. */
  readonly tokens: { readonly count: number; readonly context: number; readonly adapter: string } | null
  readonly layers: readonly LayerInspection[]
}

const DIGITS = 3
const figure = (value: number | null): string => (value === null ? '-' : value.toPrecision(DIGITS))
const fixed = (value: number | null): string => (value === null ? '-' : value.toFixed(DIGITS))
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
/** Of a difference that may be none at all. */
const relative = (share: number): string => (share === 0 ? 'same' : percent(share))

export const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** `0.921 to 1.13 even` */
const range = (norms: readonly number[]): string =>
  norms.length === 0 ? '-' : `${figure(Math.min(...norms))} to ${figure(Math.max(...norms))} ${normVerdict(norms)}`

const routerCell = (routers: readonly RouterRows[]): string =>
  routers.map(({ pearson, cosine, verdict }) => `${figure(pearson ?? cosine)} ${verdict}`).join(', ') || '-'

/** Of all matrices that were decomposed: the mean of rank over random rank, and the worst verdict. */
export function rankOf(spectra: readonly Spectrum[]): { readonly share: number | null; readonly verdict: RankVerdict } | null {
  if (spectra.length === 0) return null
  const known = spectra.flatMap(({ effectiveRank, random }) => (effectiveRank === null ? [] : [effectiveRank / random]))
  const order: readonly RankVerdict[] = [
    'collapsed',
    'low',
    'unknown',
    'as random',
  ] satisfies readonly (typeof RANK_VERDICTS)[number][]
  const verdict = order.find((one) => spectra.some((spectrum) => spectrum.verdict === one)) ?? 'unknown'
  return { share: known.length === 0 ? null : meanOf(known), verdict }
}

export function weightRow({ layer, experts, routers, norms, similarity, spectra }: LayerInspection): readonly string[] {
  const { mean, verdict, closest } = similarity
  const rank = rankOf(spectra)
  return [
    layer,
    String(experts),
    routerCell(routers),
    range(routers.flatMap((one) => one.norms)),
    range(norms),
    `${figure(mean)} ${verdict}`,
    closest === null ? '-' : `${closest.experts[1]}, ${closest.experts[0]}: ${figure(closest.cosine)}`,
    rank === null ? '-' : `${figure(rank.share)} ${rank.verdict}`,
  ]
}

export const WEIGHTS = ['layer', 'experts', 'router', 'row norms', 'expert norms', 'similarity', 'closest', 'rank']

export const tokenCells = (tokens: LayerTokens): readonly string[] => {
  const { load, cv, maxVio, entropy, dead, collapse, outputSimilarity } = tokens
  return [
    `${Math.min(...load)} to ${Math.max(...load)}`,
    fixed(cv),
    fixed(maxVio),
    fixed(entropy),
    String(dead.length),
    `${figure(collapse.effective)} ${collapse.verdict}`,
    fixed(outputSimilarity),
  ]
}

export const TOKENS = ['load', 'CV', 'MaxVio', 'entropy', 'dead', 'effective', 'outputs']

/** Of the layers with tokens. */
function tokenTable(layers: readonly LayerInspection[], of: (layer: LayerInspection) => LayerTokens | null): string {
  const rows = layers.flatMap((layer) => {
    const tokens = of(layer)
    return tokens === null ? [] : [[layer.layer, ...tokenCells(tokens)]]
  })
  return rows.length === 0 ? '' : table([['layer', ...TOKENS], ...rows], '<>>>>><>')
}

/** A head and rows: how far the layers are from those of the other checkpoint. */
export function differenceRows(layers: readonly LayerInspection[]): readonly (readonly string[])[] {
  const hasChange = layers.some(({ difference }) => difference?.change != null)
  const head = ['layer', 'experts', 'most', 'router', 'angle', 'largest', ...(hasChange ? ['changed', 'first'] : [])]
  const rows = layers.map(({ layer, difference }) => {
    if (difference === null) return [layer, ...head.slice(1).map(() => '-')]
    const angles = difference.routers.flatMap((router) => router.angles.filter((angle) => angle !== null))
    const degrees = (value: number): string => `${figure(value)}°`
    const { change } = difference
    return [
      layer,
      relative(meanOf(difference.experts)),
      relative(Math.max(...difference.experts)),
      difference.routers.map((router) => relative(router.relative)).join(', ') || '-',
      angles.length === 0 ? '-' : degrees(meanOf(angles)),
      angles.length === 0 ? '-' : degrees(Math.max(...angles)),
      ...(hasChange ? (change === null ? ['-', '-'] : [percent(change.set), percent(change.top1)]) : []),
    ]
  })
  return [head, ...rows]
}

/** What the words of the tables mean, for the columns that are there. */
function legend({ layers }: InspectReport): string {
  const [{ routers, similarity }] = layers
  const random = routers.length === 0 ? '' : `; random rows give ${figure(routers[0].random.pearson.mean)}`
  return [
    `router: mean correlation of the rows of its weight, 0 to 1${random}`,
    `similarity: mean size of the cosine between the weights of two experts; random ones give ${figure(similarity.random.mean)}`,
    'rank: effective rank of the matrices that were decomposed, over that of random ones',
  ]
    .map((line) => `${line}\n`)
    .join('')
}

const tokenLegend = ({ tokens }: InspectReport): string =>
  tokens === null
    ? ''
    : `${plural(tokens.count, 'token')} in windows of ${tokens.context} that do not overlap; outputs: mean cosine between the outputs of a token's experts\n`

export function inspectText(report: InspectReport): string {
  const { model, layers } = report
  // where no layer is compared the notes have said why
  const other = layers.some(({ difference }) => difference !== null) ? report.with : null
  if (layers.length === 0) return `${model} is dense: it has no routed layers, and no experts to compare\n`
  const parts = [
    `${table([WEIGHTS, ...layers.map(weightRow)], '<><<<<<<')}${legend(report)}`,
    ...(report.tokens === null ? [] : [`${tokenTable(layers, ({ tokens }) => tokens)}${tokenLegend(report)}`]),
    ...(other === null ? [] : [`weights of ${other} against those of ${model}\n${table(differenceRows(layers), '<>>>>>>>')}`]),
    ...(other === null || report.tokens === null
      ? []
      : [`tokens in ${other}\n${tokenTable(layers, ({ difference }) => difference?.tokens ?? null)}`]),
  ]
  return `${model}: ${plural(layers.length, 'routed layer')}\n${parts.join('\n')}`
}
