/** A workgroup of an attention kernel, by what it computes. */
import type { Attention, AttentionRole } from '../../kernel/ir/attention.ts'
import type { Region } from '../gang/gang.ts'
import { emitForward } from './forward.ts'
import { openFrame, type Frame } from './frame.ts'
import { emitKeyGradient } from './key-gradient.ts'
import { emitQueryGradient } from './query-gradient.ts'

const EMITTERS: { readonly [R in AttentionRole]: (frame: Frame, isRelaxed: boolean) => void } = {
  forward: emitForward,
  query_gradient: emitQueryGradient,
  key_gradient: emitKeyGradient,
}

export const emitAttention = (region: Region, attention: Attention, workgroup: number, isRelaxed: boolean): void =>
  EMITTERS[attention.role](openFrame(region, attention, workgroup), isRelaxed)
