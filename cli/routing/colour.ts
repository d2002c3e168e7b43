/**
 * Colour scales made in OKLab (Ottosson, 2020), where equal distances look equal. The path is walked at a steady pace,
 * so a step of the number is a step for the eye, and lightness alone tells the order: it survives print and colour blindness.
 */
import { position } from './scale.ts'

export type Rgb = readonly [number, number, number]

/** Lightness 0..1, chroma, hue in degrees. */
type Lch = readonly [number, number, number]

const gamma = (value: number): number => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055)

const lab = ([lightness, chroma, hue]: Lch): Rgb => [
  lightness,
  chroma * Math.cos((hue * Math.PI) / 180),
  chroma * Math.sin((hue * Math.PI) / 180),
]

/** sRGB 0..1; outside of it where the screen has no such colour. */
function screen([lightness, a, b]: Rgb): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]
}

const isShown = (colour: Rgb): boolean => colour.every((part) => part >= -1e-4 && part <= 1 + 1e-4)

/** The same lightness and hue with as much chroma as the screen has. */
function shown([lightness, chroma, hue]: Lch): Lch {
  let [low, high] = [0, chroma]
  if (isShown(screen(lab([lightness, chroma, hue])))) return [lightness, chroma, hue]
  for (let step = 0; step < 20; step++) {
    const middle = (low + high) / 2
    if (isShown(screen(lab([lightness, middle, hue])))) low = middle
    else high = middle
  }
  return [lightness, low, hue]
}

const STEPS = 256

const between = (from: Rgb, to: Rgb, part: number): Rgb => [
  from[0] + (to[0] - from[0]) * part,
  from[1] + (to[1] - from[1]) * part,
  from[2] + (to[2] - from[2]) * part,
]

/** A scale from a path through OKLab, walked at a steady pace. */
function steady(path: (at: number) => Lch): readonly Rgb[] {
  const points = Array.from({ length: 4 * STEPS + 1 }, (_, at) => lab(shown(path(at / (4 * STEPS)))))
  const lengths = [0]
  for (let at = 1; at < points.length; at++) {
    lengths.push(lengths[at - 1] + Math.hypot(...points[at].map((part, axis) => part - points[at - 1][axis])))
  }
  const whole = lengths[lengths.length - 1]
  let at = 1
  return Array.from({ length: STEPS }, (_, step) => {
    const wanted = (step / (STEPS - 1)) * whole
    while (at < points.length - 1 && lengths[at] < wanted) at++
    return between(points[at - 1], points[at], (wanted - lengths[at - 1]) / (lengths[at] - lengths[at - 1]))
  })
}

/** A scale that is computed when it is first used, as commands that draw nothing load this file too. */
function scale(path: (at: number) => Lch): () => readonly Rgb[] {
  let colours: readonly Rgb[] | null = null
  return () => (colours ??= steady(path))
}

/** From a dark violet over teal to a light yellow. */
const sequential = scale((at) => [0.25 + 0.68 * at, 0.088 + 0.075 * (2 * at - 1) ** 2, 305 - 205 * at])

const arm = (middle: number, end: number, hue: number): (() => readonly Rgb[]) =>
  scale((at) => [middle + (end - middle) * at, 0.15 * at, hue])

/** Blue for less, red for more, away from a middle that is near the page. */
const diverging = {
  light: { less: arm(0.96, 0.45, 255), more: arm(0.96, 0.48, 32) },
  dark: { less: arm(0.28, 0.72, 245), more: arm(0.28, 0.72, 40) },
} as const

export type Theme = keyof typeof diverging

const pick = (scale: readonly Rgb[], at: number): Rgb => scale[Math.round(Math.max(0, Math.min(1, at)) * (STEPS - 1))]

const toBytes = (colour: Rgb): Rgb => {
  const [red, green, blue] = screen(colour).map((part) => Math.round(255 * Math.max(0, Math.min(1, part))))
  return [red, green, blue]
}

/** Bytes of red, green and blue at 0..1 of the sequential scale. */
export const sequentialColour = (at: number): Rgb => toBytes(pick(sequential(), at))

/** At -1..1, zero in the middle. */
export const divergingColour = (at: number, theme: Theme): Rgb =>
  toBytes(pick(diverging[theme][at < 0 ? 'less' : 'more'](), Math.abs(at)))

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`

/** Black or white, whichever reads better on a colour: by its relative luminance. */
export function inkOn(colour: Rgb): string {
  const [red, green, blue] = colour.map((part) =>
    part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.19 ? '#111' : '#fff'
}

/** Of a load in units of an even share. */
export const loadColour = (relative: number): Rgb => sequentialColour(position(relative))
