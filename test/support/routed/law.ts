/**
 * What a layer's requirements mean, in plain loops over numbers: written from what `docs/language.md` says of them, with nothing
 * of the compiler.
 */
import type { Layer, Limit, Rules } from './layer.ts'

type Rows = readonly (readonly number[])[]

export interface Decision {
  /** [T, K]: the expert of each slot; -1 where it is dropped. */
  readonly ids: Rows
  /** [T, K]: 0 where it is dropped. */
  readonly weights: Rows
  /** [T]: the weight that goes to the shared experts. */
  readonly spilled: readonly number[]
}

/** Places of the largest, best first, of equals the lower. */
function best(values: readonly number[], count: number): readonly number[] {
  return values
    .map((_, at) => at)
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, count)
}

/** How many tokens an expert takes at most. */
export function mostOf(limit: Limit, { T, E, k }: { readonly T: number; readonly E: number; readonly k: number }): number {
  if (limit.kind === 'at-most') return limit.tokens
  // ceil(F * T * k / E) in whole numbers: 1.25 is 125 / 100
  const [whole, part = ''] = limit.factor.split('.')
  const [above, below] = [BigInt(whole + part) * BigInt(T * k), 10n ** BigInt(part.length) * BigInt(E)]
  return Number((above + below - 1n) / below)
}

/** The experts that a token may ask. */
function allowed(scores: readonly number[], groups: Rules['groups']): readonly number[] {
  const all = scores.map((_, e) => e)
  if (groups === undefined) return all
  const each = scores.length / groups.count
  const peaks = Array.from({ length: groups.count }, (_, g) => Math.max(...scores.slice(g * each, (g + 1) * each)))
  const kept = best(peaks, groups.keep)
  return all.filter((e) => kept.includes(Math.floor(e / each)))
}

/** First choices of all tokens, then second ones; of each the lower tokens first. */
function* inTurn(ids: Rows): Generator<readonly [t: number, j: number]> {
  for (let j = 0; j < (ids[0]?.length ?? 0); j++) for (let t = 0; t < ids.length; t++) yield [t, j]
}

/** Gives slots their experts as long as there is room: `seats` and `load` are filled further. */
function serve(asks: Rows, seats: number[][], load: number[], most: number): void {
  for (const [t, j] of inTurn(asks)) {
    const e = asks[t][j]
    if (e < 0 || load[e] >= most) continue
    load[e]++
    seats[t][j] = e
  }
}

/** What finds no place asks on, round by round, for the best expert that none of the token's slots has asked. */
function passedOn(wanted: Rows, ranked: Rows, load: number[], most: number): number[][] {
  const seats = wanted.map((row) => row.map(() => -1))
  const asked = wanted.map((row) => new Set(row.filter((e) => e >= 0)))
  let asks = wanted
  while (asks.some((row) => row.some((e) => e >= 0))) {
    serve(asks, seats, load, most)
    asks = wanted.map((row, t) =>
      row.map((first, j) => {
        if (first < 0 || seats[t][j] >= 0) return -1
        const e = ranked[t].find((one) => !asked[t].has(one)) ?? -1
        asked[t].add(e)
        return e
      }),
    )
  }
  return seats
}

/** Each expert takes the tokens with its highest scores, of equals the lower ones; a token's slots are all experts in order. */
function byExperts(scores: Rows, { E, k }: Layer): Rows {
  const each = Math.ceil((k * scores.length) / E)
  const taken = Array.from({ length: E }, (_, e) =>
    best(
      scores.map((row) => row[e]),
      each,
    ),
  )
  return scores.map((_, t) => taken.map((tokens, e) => (tokens.includes(t) ? e : -1)))
}

function seatsOf(wanted: Rows, ranked: Rows, layer: Layer): Rows {
  const { limit } = layer.rules
  if (limit === undefined) return wanted
  const most = mostOf(limit, { ...layer, T: wanted.length })
  const load = Array.from({ length: layer.E }, () => 0)
  if (limit.kind === 'capacity' && limit.overflow === 'next') return passedOn(wanted, ranked, load, most)
  const seats = wanted.map((row) => row.map(() => -1))
  serve(wanted, seats, load, most)
  return seats
}

/** What the layer decides about tokens of these scores, [T, E]. */
export function decide(scores: Rows, layer: Layer): Decision {
  const { bias, groups, above, expertChoice, limit } = layer.rules
  const selecting = scores.map((row) => row.map((score, e) => score + (bias?.[e] ?? 0)))
  const ranked = selecting.map((row) => {
    const may = allowed(row, groups)
    return best(row, row.length).filter((e) => may.includes(e))
  })
  const selected = expertChoice === true ? scores.map((row) => row.map((_, e) => e)) : ranked.map((row) => row.slice(0, layer.k))
  const chosen = expertChoice === true ? byExperts(selecting, layer) : selected
  const wanted = chosen.map((row, t) => row.map((e) => (e >= 0 && above !== undefined && !(scores[t][e] > above) ? -1 : e)))
  const ids = seatsOf(wanted, ranked, layer)
  const lost = (t: number): number => wanted[t].reduce((sum, e, j) => (e >= 0 && ids[t][j] < 0 ? sum + scores[t][e] : sum), 0)
  return {
    ids,
    // a weight stays with its slot, whichever expert computes it
    weights: ids.map((row, t) => row.map((e, j) => (e < 0 ? 0 : scores[t][selected[t][j]]))),
    spilled: scores.map((_, t) => (limit?.kind === 'capacity' && limit.overflow === 'shared' ? lost(t) : 0)),
  }
}

export const loadsOf = (ids: Rows, E: number): readonly number[] => {
  const loads = Array.from({ length: E }, () => 0)
  for (const e of ids.flat()) if (e >= 0) loads[e]++
  return loads
}

/** The first of the laws that hold under any requirements which these ids break; null where they keep all. */
export function brokenLaw(scores: Rows, layer: Layer, ids: Rows): string | null {
  const {
    E,
    k,
    rules: { limit, expertChoice, groups, above, bias },
  } = layer
  const [T, K] = [scores.length, expertChoice === true ? E : k]
  const kept = ids.flat().filter((e) => e >= 0).length
  const dropped = ids.flat().filter((e) => e === -1).length
  if (kept + dropped !== T * K) return `${kept} kept and ${dropped} dropped are not ${T} * ${K}`
  const loads = loadsOf(ids, E)
  if (loads.reduce((sum, load) => sum + load, 0) !== kept) return 'an expert that there is not'
  const twice = ids.findIndex((row) => new Set(row.filter((e) => e >= 0)).size < row.filter((e) => e >= 0).length)
  if (twice >= 0) return `token ${twice} has an expert twice`
  if (limit !== undefined && Math.max(...loads) > mostOf(limit, { T, E, k })) return `an expert gets ${Math.max(...loads)}`
  if (
    groups !== undefined &&
    ids.some((row) => new Set(row.filter((e) => e >= 0).map((e) => Math.floor(e / (E / groups.count)))).size > groups.keep)
  )
    return 'too many groups'
  if (expertChoice === true && above === undefined && loads.some((load) => load !== Math.ceil((k * T) / E)))
    return 'experts that choose have different loads'
  if (limit === undefined && expertChoice !== true && above === undefined && dropped > 0)
    return `${dropped} dropped without a limit`
  return limit?.kind === 'capacity' &&
    limit.overflow === 'next' &&
    groups === undefined &&
    bias === undefined &&
    above === undefined
    ? idleLaw(ids, layer, loads)
    : null
}

/** Where slots are passed on, none is dropped while an expert that its token has not got has room. */
function idleLaw(ids: Rows, layer: Layer, loads: readonly number[]): string | null {
  const most = mostOf(layer.rules.limit!, { ...layer, T: ids.length })
  const t = ids.findIndex((row) => row.includes(-1) && loads.some((load, e) => load < most && !row.includes(e)))
  return t < 0 ? null : `token ${t} is dropped, though an expert has room`
}
