/**
 * One scale for loads everywhere: an even share is its middle, whatever the number of experts, so that two pictures compare by
 * eye.
 */

/** Load in units of an even share: 1 is even, E is all; 0 where nothing was kept. */
export const relativeLoad = (count: number, experts: number, kept: number): number => (kept === 0 ? 0 : (count * experts) / kept)

/** r^1.5 / (1 + r^1.5): 0 -> 0, 1 -> 1/2, infinity -> 1. */
export const position = (relative: number): number => relative ** 1.5 / (1 + relative ** 1.5)

/** Where a legend has its ticks. */
export const TICKS: readonly number[] = [0, 0.25, 0.5, 1, 2, 4]
