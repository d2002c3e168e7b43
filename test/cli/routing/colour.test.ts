import { expect, test } from 'vitest'
import { divergingColour, inkOn, loadColour, sequentialColour, type Rgb } from '../../../cli/routing/colour.ts'
import { position, relativeLoad } from '../../../cli/routing/scale.ts'

const linear = (part: number): number => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)

/** OKLab from bytes: the inverse of the conversion under test, written independently. */
function okLab(colour: Rgb): Rgb {
  const [r, g, b] = colour.map(linear)
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

const scales = {
  sequential: (at: number) => sequentialColour(at),
  'less, light': (at: number) => divergingColour(-at, 'light'),
  'more, light': (at: number) => divergingColour(at, 'light'),
  'less, dark': (at: number) => divergingColour(-at, 'dark'),
  'more, dark': (at: number) => divergingColour(at, 'dark'),
}

test.each(Object.entries(scales))('%s: lightness goes one way, equal steps look equal', (_, scale) => {
  const colours = Array.from({ length: 17 }, (_, at) => okLab(scale(at / 16)))
  const steps = colours.slice(1).map((colour, at) => Math.hypot(...colour.map((part, axis) => part - colours[at][axis])))
  const lighter = colours.slice(1).map((colour, at) => Math.sign(colour[0] - colours[at][0]))
  expect(new Set(lighter).size).toBe(1)
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length
  // bytes round
  for (const step of steps) expect(Math.abs(step / mean - 1)).toBeLessThan(0.25)
})

test('an even share is the middle, whatever the number of experts', () => {
  expect(position(relativeLoad(5, 4, 20))).toBe(0.5)
  expect(position(relativeLoad(5, 256, 1280))).toBe(0.5)
  expect([position(0), relativeLoad(0, 4, 0)]).toEqual([0, 0])
  expect(position(256)).toBeGreaterThan(0.999)
})

test('numbers on a colour can be read', () => {
  const contrast = (a: Rgb, b: Rgb): number => {
    const [light, dark] = [a, b]
      .map(([r, g, blue]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(blue))
      .sort((x, y) => y - x)
    return (light + 0.05) / (dark + 0.05)
  }
  for (let relative = 0; relative < 8; relative += 0.1) {
    const colour = loadColour(relative)
    expect(contrast(colour, inkOn(colour) === '#fff' ? [255, 255, 255] : [17, 17, 17])).toBeGreaterThan(4)
  }
})
