type Values = readonly (number | null)[]

/**
 * The course of noisy values: at each place the height of the straight line that fits those around it best, the nearer the
 * heavier. Unlike a mean it does not bend at the ends. Cleveland, 1979, with normal weights; `width` is their deviation in
 * places.
 */
export function smooth(values: Values, width: number): Values {
  const reach = Math.ceil(3 * width)
  return values.map((own, at) => {
    if (own === null) return null
    let [weights, offsets, squares, sum, moment] = [0, 0, 0, 0, 0]
    for (let off = -reach; off <= reach; off++) {
      const value = values[at + off] ?? null
      if (value === null) continue
      const weight = Math.exp(-0.5 * (off / width) ** 2)
      weights += weight
      offsets += weight * off
      squares += weight * off * off
      sum += weight * value
      moment += weight * off * value
    }
    const spread = weights * squares - offsets * offsets
    return spread < 1e-9 * weights * squares || spread === 0 ? sum / weights : (squares * sum - offsets * moment) / spread
  })
}
