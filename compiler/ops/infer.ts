/** The type of an op's result. */
import type { OpName, OpParams } from '../graph/vocabulary.ts'
import { recordOf } from './records.ts'
import type { ShapeError, TensorType } from './record.ts'

/** Sizes may be symbolic. The error is a sentence for people: it begins with the op and names axes and dims. */
export function infer<N extends OpName>(op: N, inputs: readonly TensorType[], params: OpParams[N]): TensorType | ShapeError {
  const result = recordOf(op).infer(inputs, params)
  return 'error' in result ? { error: `${op}: ${result.error}` } : { shape: result.shape, dtype: result.dtype }
}
