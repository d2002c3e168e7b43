/** One record an op; an op without one does not compile. */
import type { OpName } from '../graph/vocabulary.ts'
import { attentionGradients } from './attention-gradient.ts'
import { appending } from './append.ts'
import { attentions } from './attention.ts'
import { contractions } from './contract.ts'
import { elementwise } from './elementwise.ts'
import { indexed } from './indexed.ts'
import { leaves } from './leaves.ts'
import { movements } from './movement.ts'
import { sources } from './random.ts'
import type { OpRecord, Records } from './record.ts'
import { reductions } from './reductions.ts'
import { routed } from './routed.ts'
import { decompositions } from './svd.ts'
import { scalings } from './sinkhorn.ts'
import { transportGradients } from './sinkhorn-gradient.ts'

export const records: Records<OpName> = {
  ...leaves,
  ...elementwise,
  ...movements,
  ...reductions,
  ...contractions,
  ...attentions,
  ...attentionGradients,
  ...appending,
  ...indexed,
  ...routed,
  ...decompositions,
  ...scalings,
  ...transportGradients,
  ...sources,
}

export const recordOf = <N extends OpName>(op: N): OpRecord<N> => records[op]
