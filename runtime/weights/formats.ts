/** How the tensors of a checkpoint lie in it. */
import type { FormatName } from '../../plan/storage/formats.ts'
import { emptyTable } from '../../plan/table.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { dtypeRecord } from '../checkpoint/dtypes.ts'

/** Tensor -> its format, of those in one other than f32. */
export function formatsIn({ tensors }: Checkpoint): Readonly<Record<string, FormatName>> {
  const formats = emptyTable<FormatName>()
  for (const { name, dtype } of tensors.values()) {
    const { format } = dtypeRecord(dtype)
    if (format !== undefined) formats[name] = format
  }
  return formats
}
