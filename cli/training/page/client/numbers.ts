/** Numbers of a run for readers: three digits that say something. */
import { grouped } from '../../../routing/page/client/numbers.ts'

const minus = (text: string): string => text.replace('-', '−')

/** 0.000312 -> `3.12e−4`, 1.2345 -> `1.23`, 12345.6 -> `12 346`. */
export function compact(value: number | null): string {
  if (value === null) return '–'
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size >= 1000) return minus(`${value < 0 ? '-' : ''}${grouped(Math.round(size))}`)
  if (size < 1e-3)
    return minus(
      value
        .toExponential(2)
        .replace(/\.?0+e/, 'e')
        .replace('e-', 'e−'),
    )
  return minus(String(Number(value.toPrecision(3))))
}

/** Of a loss: as many digits as tell two apart. */
export const precise = (value: number | null): string =>
  value === null ? '–' : Math.abs(value) >= 1e-2 && Math.abs(value) < 100 ? minus(value.toFixed(3)) : compact(value)

/** `3 h 05 min`, `2 min 07 s`, `8.4 s`. */
export function time(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const whole = Math.round(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  return hours > 0
    ? `${hours} h ${String(minutes).padStart(2, '0')} min`
    : `${minutes} min ${String(whole % 60).padStart(2, '0')} s`
}

/** A mark of an axis, with as many digits as tell it from the others. */
export function tickWords(value: number, marks: readonly number[]): string {
  const step = marks.length < 2 ? Math.abs(value) : Math.abs(marks[1] - marks[0])
  const most = Math.max(...marks.map(Math.abs))
  if (most >= 1000) return compact(value)
  if (value === 0) return '0'
  if (most < 1e-3) return minus(value.toExponential().replace('e-', 'e−'))
  // 0.25 takes a digit more than its power of ten says
  const power = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  return minus(value.toFixed(Math.abs(step * 10 ** power - Math.round(step * 10 ** power)) > 1e-6 ? power + 1 : power))
}
