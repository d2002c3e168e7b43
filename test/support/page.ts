/** What a page has, in place of Node's. */
import { vi } from 'vitest'

export interface Page {
  /** `navigator.gpu`; undefined where the browser has no WebGPU. */
  readonly gpu?: { readonly requestAdapter: () => Promise<unknown> }
  readonly isIsolated?: boolean
}

/** A page of a browser with three cores, until `vi.unstubAllGlobals`. */
export function stubPage({ gpu, isIsolated = false }: Page): void {
  vi.stubGlobal('navigator', { gpu, hardwareConcurrency: 3 })
  vi.stubGlobal('crossOriginIsolated', isIsolated)
}
