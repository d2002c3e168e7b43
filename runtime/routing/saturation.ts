import { agreement } from './agreement.ts'
import type { RoutedLayer } from './record.ts'

/**
 * Router saturation(t) = mean over tokens of |I_t n I_final| / k: how near a checkpoint's choices are to the last one's.
 * Muennighoff et al., 2024, arXiv:2409.02060.
 */
export const saturation = (now: RoutedLayer, final: RoutedLayer): number | null => agreement(now, final)
