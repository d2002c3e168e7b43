import { agreement } from './agreement.ts'
import type { RoutedLayer } from './record.ts'

/**
 * Overlap = mean over tokens of |I_a n I_b| / k: how far two routers of one layer agree. Do, Le and Tran, 2026, arXiv:2605.30992,
 * table 15.
 */
export const overlap = (a: RoutedLayer, b: RoutedLayer): number | null => agreement(a, b)
