/** Tensors in checkpoints that no weight uses and that may be ignored: buffers that are recomputed from the config. */

const BUFFERS: readonly RegExp[] = [/(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$/, /(^|\.)position_ids$/]

export const isHarmless = (tensor: string): boolean => BUFFERS.some((pattern) => pattern.test(tensor))
