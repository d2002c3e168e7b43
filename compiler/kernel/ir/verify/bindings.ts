/** Bindings: names that differ, dtypes, access, and that each one is used. */
import type { ScalarType } from '../../../scalar/expression.ts'
import type { Binding, Kernel } from '../kernel.ts'
import type { Report } from './report.ts'

/** Its identity is which bindings have been loaded from and stored to. */
export class Bindings {
  private readonly all: readonly Binding[]
  private readonly byName: ReadonlyMap<string, Binding>
  private readonly loaded = new Set<string>()
  private readonly stored = new Set<string>()
  private readonly report: Report

  constructor({ buffers }: Kernel, report: Report) {
    this.all = buffers
    this.byName = new Map(buffers.map((binding) => [binding.name, binding]))
    this.report = report
    for (const { name, access, dtype, storage } of buffers) {
      if (storage === undefined) continue
      if (dtype !== 'f32') report.faultAt('bindings', `@${name} is ${dtype}, and elements of ${storage.format} are f32`)
      if (access !== 'read') report.faultAt('bindings', `@${name} lies as ${storage.format}, which no kernel stores`)
    }
    if (this.byName.size < buffers.length) report.faultAt('bindings', 'two bindings have one name')
  }

  get(buffer: string): Binding | undefined {
    return this.byName.get(buffer)
  }

  load(buffer: string, dtype: ScalarType): void {
    this.loaded.add(buffer)
    const binding = this.byName.get(buffer)
    if (binding === undefined) this.report.fault(`@${buffer} is not bound`)
    else if (binding.dtype !== dtype) this.report.fault(`@${buffer} is ${binding.dtype}, not ${dtype}`)
  }

  /** The binding, where it can be stored to. */
  store(buffer: string, dtype: ScalarType): Binding | null {
    this.stored.add(buffer)
    const binding = this.byName.get(buffer)
    const fault =
      binding === undefined
        ? 'is not bound'
        : binding.access === 'read'
          ? 'is bound as read and cannot be stored to'
          : binding.dtype === dtype
            ? null
            : `is ${binding.dtype}, not ${dtype}`
    if (fault !== null) this.report.fault(`@${buffer} ${fault}`)
    return fault === null ? binding! : null
  }

  /** After all statements. */
  checkUse(): void {
    for (const { name, access } of this.all) {
      if (!this.loaded.has(name) && !this.stored.has(name)) this.report.faultAt('bindings', `@${name} is bound and not used`)
      else if (access === 'read_write' && !this.stored.has(name))
        this.report.faultAt('bindings', `@${name} is bound as read_write and never stored to`)
    }
  }
}
