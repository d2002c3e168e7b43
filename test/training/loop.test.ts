import { describe, expect, test } from 'vitest'
import type { Recipe } from '../../plan/recipe.ts'
import { DivergedError, FitError } from '../../training/errors.ts'
import type { StepEvent, TrainingEvent } from '../../training/events.ts'
import { train } from '../../training/loop.ts'
import type { Progress } from '../../training/progress.ts'
import type { Training } from '../../training/run.ts'
import { bigrams, fakeMachine, type FakeMachine } from './fake-machine.ts'
import { routed } from './recipes.ts'
import { chain } from './texts.ts'

/** A clock that goes on by 10 ms whenever it is looked at. */
function clock(): () => number {
  let time = 0
  return () => (time += 10)
}

async function all(events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const found: TrainingEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

const optionsOf = (recipe: Recipe, machine: FakeMachine, more: Partial<Training> = {}): Training => ({
  recipe,
  machine,
  training: chain(60),
  validation: chain(30, 5),
  validateEvery: 3,
  now: clock(),
  ...more,
})

const run = async (
  recipe: Recipe,
  more: Partial<Training> = {},
): Promise<{ readonly events: TrainingEvent[]; readonly machine: FakeMachine }> => {
  const machine = fakeMachine(recipe)
  return { machine, events: await all(train(optionsOf(recipe, machine, more))) }
}

const kinds = (events: readonly TrainingEvent[]): string =>
  events.map((event) => (event.kind === 'start' ? 's' : event.kind[0])).join('')
const steps = (events: readonly TrainingEvent[]): StepEvent[] => events.filter((event) => event.kind === 'step')
/** Without what a clock says. */
const timeless = (events: readonly TrainingEvent[]): unknown =>
  JSON.parse(JSON.stringify(events, (name, value: unknown) => (['seconds', 'throughput', 'eta'].includes(name) ? 0 : value)))

test('the events of a run, in order', async () => {
  const { events } = await run(bigrams())
  expect(kinds(events)).toBe('svpsssvpsssvpce')
  expect(events[0]).toMatchObject({
    model: 'tiny',
    steps: 6,
    done: 0,
    parameters: 148,
    items: 16,
    unit: 'token',
    training: { examples: 13 },
    validation: { examples: 7 },
    competitions: {},
  })
  expect(events.at(-1)).toMatchObject({ kind: 'end', reason: 'done', step: 6 })
  expect(kinds((await run(bigrams(), { validateEvery: null })).events)).toBe('sssssssce')
  expect(kinds((await run(bigrams(), { validation: null, validateEvery: 4 })).events)).toBe('spsssspsspce')
  expect(kinds((await run(bigrams(), { validateEvery: null, saveEvery: 2 })).events)).toBe('ssscsscssce')
})

test('micro-batches are summed by the machine and updated once, at the scheduled rate', async () => {
  const { machine, events } = await run(bigrams(), { validateEvery: null })
  expect(machine.calls[0]).toBe('write table,bias')
  expect(
    machine.calls
      .slice(1)
      .map((call) => call.split(' ')[0])
      .join(' '),
  ).toBe(Array.from({ length: 6 }, () => 'step step update').join(' '))
  const rates = machine.calls.filter((call) => call.startsWith('update')).map((call) => call.split(' ').map(Number).slice(1))
  expect(rates.map(([update]) => update)).toEqual([1, 2, 3, 4, 5, 6])
  expect(rates.map(([, rate]) => rate)).toEqual(steps(events).map(({ learningRate: rate }) => rate))
  expect(rates[0][1]).toBeCloseTo(0.05, 12)
  expect(rates[5][1]).toBeCloseTo(0.01, 12)
  // 13 windows of an epoch, 4 a step
  expect(steps(events).map(({ epoch }) => Math.round(epoch * 13))).toEqual([4, 8, 12, 16, 20, 24])
})

test('it learns', async () => {
  const { events } = await run(
    bigrams({ steps: 60, optimiser: { kind: 'sgd', rate: 1, momentum: 0.9, nesterov: false, decay: 0 } }),
    { validateEvery: 60, training: chain(600) },
  )
  const [first, last] = events.filter((event) => event.kind === 'validation')
  expect(first.loss).toBeCloseTo(Math.log(12) + 0.02, 1)
  expect(last.loss).toBeLessThan(1.2)
  expect(last.metrics['metric.accuracy']).toBeGreaterThan(first.metrics['metric.accuracy'])
})

test('terms are told one by one, each the mean over the micro-batches that have it', async () => {
  const recipe = bigrams({ layers: [routed('a/moe', { competition: { rate: 1, after: 0.5, atMost: null } }), routed('b/moe')] })
  const machine = fakeMachine(recipe, (answers, call) => ({ ...answers, metrics: call.length % 2 === 0 ? answers.metrics : {} }))
  const events = steps(await all(train(optionsOf(recipe, machine))))
  expect(events.map(({ competing: chosen }) => chosen.join())).toEqual(['', '', '', 'a/moe', 'a/moe', 'a/moe'])
  for (const { losses, loss, competing: chosen } of events) {
    expect(Object.keys(losses)).toEqual(['loss.cross_entropy', chosen.length === 0 ? 'loss.balance' : 'loss.distil'])
    expect(loss).toBe(Object.values(losses).reduce((sum, value) => sum + value, 0))
  }
})

test('what the layers decided is told over all micro-batches, and what changes by a batch that does not', async () => {
  const { events } = await run(bigrams())
  for (const { routing } of steps(events)) {
    expect(routing.map(({ layer }) => layer)).toEqual(['layers.0/moe', 'layers.1/moe'])
    for (const { load, dropped, cv, maxVio, allocationEntropy, weightEntropy } of routing) {
      expect(load.reduce((sum, count) => sum + count, 0)).toBe(32)
      expect(dropped).toBe(0)
      for (const value of [cv, maxVio, allocationEntropy, weightEntropy]) expect(value).toBeGreaterThanOrEqual(0)
    }
  }
  const probes = events.filter((event) => event.kind === 'probe')
  expect(probes.map(({ step }) => step)).toEqual([0, 3, 6])
  expect(probes[0].layers.map(({ changeSet }) => changeSet)).toEqual([null, null])
  for (const { layers } of probes.slice(1))
    for (const { changeTop1, changeSet } of layers)
      for (const value of [changeTop1, changeSet]) expect(value).toBeGreaterThanOrEqual(0)
})

test('every micro-batch of a run has its own random numbers', async () => {
  const { machine } = await run(bigrams({ isRandom: true, steps: 3 }))
  expect(machine.calls.flatMap((call) => /random (.*)/.exec(call)?.[1] ?? [])).toEqual(['5,0', '5,1', '5,2', '5,3', '5,4', '5,5'])
})

test('the bias of a balanced layer moves against the sign of its load', async () => {
  const recipe = bigrams({ layers: [routed('a/moe', { balancedBias: { weight: 'bias', rate: 0.25 } })], steps: 1 })
  const { machine, events } = await run(recipe)
  const [
    {
      routing: [{ load }],
    },
  ] = steps(events)
  expect([...machine.held.bias]).toEqual(load.map((count) => 0.25 * Math.sign(8 - count)))
  expect(machine.calls.at(-2)).toMatch(/^evaluate/)
  const blind = fakeMachine(recipe, (answers) => ({ ...answers, routes: null }))
  await expect(all(train(optionsOf(recipe, blind)))).rejects.toThrow('reported no routing of a/moe')
})

test('a bias that balances evens the load', async () => {
  const [table, bias] = bigrams().weights
  // nothing but the bias moves
  const still: Partial<Recipe> = {
    steps: 80,
    optimiser: { kind: 'sgd', rate: 0, momentum: 0, nesterov: false, decay: 0 },
    weights: [
      { ...table, initialiser: { kind: 'normal', deviation: 1 } },
      { ...bias, initialiser: { kind: 'uniform', bound: 3 } },
    ],
  }
  const violation = async (rate: number): Promise<number> => {
    const recipe = bigrams({ ...still, layers: [routed('a/moe', { balancedBias: { weight: 'bias', rate } })] })
    const last = steps((await run(recipe, { training: chain(600) })).events).slice(-20)
    return last.reduce((sum, { routing }) => sum + routing[0].maxVio!, 0) / last.length
  }
  expect(await violation(0.05)).toBeLessThan(0.5 * (await violation(0)))
})

describe('what is no number stops the run', () => {
  test.each([NaN, Infinity])('a loss of %d', async (value) => {
    const recipe = bigrams()
    let count = 0
    const machine = fakeMachine(recipe, (answers, call) =>
      call !== 'evaluate' && ++count === 6 ? { ...answers, losses: { ...answers.losses, 'loss.balance': value } } : answers,
    )
    const events: string[] = []
    const ended = (async () => {
      for await (const event of train(optionsOf(recipe, machine))) events.push(event.kind)
    })()
    await expect(ended).rejects.toThrow(DivergedError)
    await expect(ended).rejects.toThrow(`step 3: loss.balance is ${value}; the run stops`)
    expect(events.filter((kind) => kind === 'step').length).toBe(2)
    // nothing was moved by it
    expect(machine.calls.filter((call) => call.startsWith('update')).length).toBe(2)
  })

  test('a norm', async () => {
    const machine = { ...fakeMachine(bigrams()), update: async () => ({ norm: NaN }) }
    await expect(all(train(optionsOf(bigrams(), machine)))).rejects.toThrow('step 1: the gradient norm is NaN')
  })

  test('a loss of the validation, but no metric', async () => {
    const bad = (name: 'losses' | 'metrics'): FakeMachine =>
      fakeMachine(bigrams(), (answers, call) => (call === 'evaluate' ? { ...answers, [name]: { x: NaN } } : answers))
    await expect(all(train(optionsOf(bigrams(), bad('losses'))))).rejects.toThrow('step 0: x is NaN')
    expect(kinds(await all(train(optionsOf(bigrams(), bad('metrics')))))).toBe('svpsssvpsssvpce')
  })
})

test('data that does not fit is refused before anything is computed', async () => {
  const machine = fakeMachine(bigrams())
  await expect(all(train(optionsOf(bigrams(), machine, { validation: chain(8) })))).rejects.toThrow(FitError)
  await expect(all(train(optionsOf(bigrams(), machine, { validation: chain(8) })))).rejects.toThrow(
    'made up: 1 examples are too few for validation; a batch has 2',
  )
  await expect(all(train(optionsOf(bigrams(), machine, { training: chain(4) })))).rejects.toThrow('4 tokens are too few')
  expect(machine.calls).toEqual([])
})

test('stopped in its last step, a run is done and has looked', async () => {
  const stop = new AbortController()
  const events: TrainingEvent[] = []
  for await (const event of train(optionsOf(bigrams(), fakeMachine(bigrams()), { signal: stop.signal }))) {
    events.push(event)
    if (event.kind === 'step' && event.step === 6) stop.abort()
  }
  expect(kinds(events)).toBe('svpsssvpsssvpce')
  expect(events.at(-1)).toMatchObject({ reason: 'done', step: 6 })
})

describe('a run that is stopped', () => {
  const recipe = bigrams({
    steps: 9,
    isRandom: true,
    layers: [
      routed('layers.0/moe', { competition: { rate: 0.4, after: 0.2, atMost: 1 }, balancedBias: { weight: 'bias', rate: 0.01 } }),
      routed('layers.1/moe'),
    ],
  })

  /** Stops at an event, and goes on with another machine that is given what the first one held. */
  async function interrupted(at: number): Promise<{ readonly events: TrainingEvent[]; readonly state: unknown }> {
    const [first, second] = [fakeMachine(recipe), fakeMachine(recipe)]
    const stop = new AbortController()
    const events: TrainingEvent[] = []
    let progress: Progress | undefined
    for await (const event of train(optionsOf(recipe, first, { signal: stop.signal }))) {
      if (event.kind === 'checkpoint') ({ progress } = event)
      else if (event.kind !== 'end') events.push(event)
      if (events.length === at) stop.abort()
    }
    await second.write(await first.read())
    for await (const event of train(optionsOf(recipe, second, { from: progress }))) {
      if (event.kind !== 'start' && event.kind !== 'checkpoint') events.push(event)
    }
    return { events, state: await second.read() }
  }

  test('goes on as if it had not been, wherever it was', async () => {
    const { events, machine } = await run(recipe)
    const whole = timeless(events.filter(({ kind }) => kind !== 'checkpoint'))
    // the first three events come before the first step
    for (let at = 4; at <= 18; at++) {
      const { events: both, state } = await interrupted(at)
      expect(timeless(both), `stopped after ${at} events`).toEqual(whole)
      expect(state).toEqual(await machine.read())
    }
  })

  test('finishes its step, leaves a checkpoint and says so', async () => {
    const stop = new AbortController()
    const machine = fakeMachine(recipe)
    const events: TrainingEvent[] = []
    const slow = {
      ...machine,
      step: async (...asked: Parameters<typeof machine.step>) => {
        if (machine.calls.length > 12) stop.abort()
        return machine.step(...asked)
      },
    }
    for await (const event of train(optionsOf(recipe, slow, { signal: stop.signal, validateEvery: null }))) events.push(event)
    expect(events.slice(-3).map(({ kind }) => kind)).toEqual(['step', 'checkpoint', 'end'])
    expect(events.at(-1)).toMatchObject({ reason: 'stopped' })
    expect(machine.calls.filter((call) => call.startsWith('step')).length).toBe(2 * steps(events).length)
  })

  test('that never began leaves nothing', async () => {
    const machine = fakeMachine(recipe)
    const events = await all(train(optionsOf(recipe, machine, { signal: AbortSignal.abort() })))
    expect(events.map(({ kind }) => kind)).toEqual(['start', 'end'])
  })
})

test('tells how fast it goes and how long it takes', async () => {
  const { events } = await run(bigrams(), { validateEvery: null })
  const told = steps(events)
  // a look at the clock takes 10 ms, and lies once within a step of 16 tokens
  for (const { throughput, eta, step } of told) {
    expect(throughput).toBe(1600)
    if (step === 6) expect(eta).toBe(0)
    else expect(eta).toBeGreaterThan(0)
  }
  expect(told.map(({ seconds }) => seconds)).toEqual(told.map(({ seconds }) => seconds).sort((a, b) => a - b))
})
