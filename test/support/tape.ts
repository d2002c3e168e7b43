/** A sequence of choices that fast-check draws and shrinks; choices after its end are 0, the simplest. */
export class Tape {
  readonly #choices: readonly number[]
  #at = 0
  constructor(choices: readonly number[]) {
    this.#choices = choices
  }
  get left(): boolean {
    return this.#at < this.#choices.length
  }
  /** 0 .. n - 1 */
  choose(n: number): number {
    const next = this.#choices[this.#at++] ?? 0
    return next % n
  }
  of<T>(items: readonly T[]): T {
    return items[this.choose(items.length)]
  }
}
