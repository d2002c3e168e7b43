/** What weights are quantised to, and which of these one config can name together. */

export const FORMATS = ['bf16', 'int8', 'int4', 'mxfp4', 'fp8'] as const
export type Format = (typeof FORMATS)[number]

/** `quant_method` of a config; null for numbers, of which a config says no more than their dtype. */
export type Method = 'compressed-tensors' | 'mxfp4' | 'fp8' | null

export const METHOD: { readonly [F in Format]: Method } = {
  bf16: null,
  int8: 'compressed-tensors',
  int4: 'compressed-tensors',
  mxfp4: 'mxfp4',
  fp8: 'fp8',
}

export const BITS = { int4: 4, int8: 8 } as const

export const isInteger = (format: Format): format is keyof typeof BITS => format in BITS
