import type { RoutedLayer } from './record.ts'

function entropyOf({ selected, weights }: RoutedLayer, start: number, end: number): number | null {
  let sum = 0
  for (let at = start; at < end; at++) if (selected[at] >= 0) sum += Math.abs(weights[at])
  if (sum === 0) return null
  let entropy = 0
  for (let at = start; at < end; at++) {
    const part = selected[at] < 0 ? 0 : Math.abs(weights[at]) / sum
    if (part > 0) entropy -= part * Math.log(part)
  }
  return entropy
}

/**
 * EWA = mean over tokens of -sum q log q / log k, where q are the sizes of the token's weights divided by their sum: 1 where all
 * chosen experts count the same, 0 where one counts alone. LibMoE, appendix E. Tokens whose weights are all dropped or zero do
 * not count; null where none is left, or k is 1.
 */
export function weightEntropy(layer: RoutedLayer): number | null {
  const { tokens, k } = layer
  if (k === 1) return null
  let [sum, count] = [0, 0]
  for (let token = 0; token < tokens; token++) {
    const entropy = entropyOf(layer, token * k, token * k + k)
    if (entropy === null) continue
    sum += entropy
    count++
  }
  return count === 0 ? null : sum / count / Math.log(k)
}
