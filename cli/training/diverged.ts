/** What may help a run whose numbers are not finite any more. */
import type { Precision } from '../../plan/recipe.ts'
import type { DivergedError } from '../../training/errors.ts'

const HELP: Readonly<Record<Precision, Readonly<Record<DivergedError['pass'], string>>>> = {
  f32: {
    forward: 'a smaller learning rate, a longer warm-up or clipping may help',
    backward: 'a smaller learning rate, a longer warm-up or clipping may help',
  },
  mixed: {
    forward:
      'operands and results of matmuls are f16, at most 65504: smaller initial weights or a smaller learning rate, or a norm such as rms_norm ' +
      'before the matmuls, keeps values below that; --precision f32 trains without f16',
    backward:
      'gradients exceed f16, at most 65504, even where the losses are not scaled up: a smaller learning rate, a mean in place of a sum in the ' +
      'losses, or a longer warm-up may help; --precision f32 trains without f16',
  },
}

export const divergedHelp = ({ pass }: DivergedError, precision: Precision): string => HELP[precision][pass]
