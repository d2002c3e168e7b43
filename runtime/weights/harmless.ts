/** Tensors that files hold though no model reads them: buffers that a program fills anew from its config. */

const BUFFERS: readonly RegExp[] = [/(^|\.)rotary_emb\.(inv_freq|cos_cached|sin_cached)$/, /(^|\.)position_ids$/]

export const isHarmless = (tensor: string): boolean => BUFFERS.some((pattern) => pattern.test(tensor))
