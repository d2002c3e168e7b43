/**
 * ln Γ(x) for x > 0: Stirling's series where x is large (Abramowitz and Stegun, 6.1.41), moved there by Γ(x + 1) = x Γ(x). To
 * 1e-13 of itself, or of 1.
 */
export function logGamma(x: number): number {
  let [at, product] = [x, 1]
  for (; at < 10; at++) product *= at
  const square = 1 / (at * at)
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188)))) / at
  return (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series - Math.log(product)
}
