/** Every policy of the library, in the forms that its parameters give it. */
import type { Layer } from './layer.ts'

export const layers: readonly Layer[] = [
  { file: 'competition', route: 'competition(k = 2)' },
  { file: 'competition_v1', route: 'competition_v1(k = 2)' },
  { file: 'cosine', route: 'cosine(k = 2)' },
  { file: 'cosine', route: 'cosine(k = 1, width = 5, unit = false, normalise = "none")' },
  { file: 'deepseek_v3', route: 'deepseek_v3(k = 3, groups = 4, keep = 2)' },
  { file: 'deepseek_v3', route: 'deepseek_v3(k = 2, groups = 8, keep = 3, best = 1, renormalise = false, scale = 1.0)' },
  { file: 'expert_choice', route: 'expert_choice(k = 2)', requires: ['expert choice'] },
  { file: 'frozen_top_k', route: 'frozen_top_k(k = 2)' },
  { file: 'group_limited_top_k', route: 'group_limited_top_k(k = 3, groups = 4, keep = 2)' },
  { file: 'hash', route: 'hash(k = 2)', hasIds: true },
  { file: 'noisy_top_k', route: 'noisy_top_k(k = 2)' },
  { file: 'perturbed_cosine', route: 'perturbed_cosine(k = 2)' },
  { file: 'random', route: 'random(k = 3)' },
  { file: 'selective_sinkhorn', route: 'selective_sinkhorn(k = 2)' },
  { file: 'sigmoid_top_k', route: 'sigmoid_top_k(k = 2)' },
  { file: 'sinkhorn_base', route: 'sinkhorn_base()' },
  { file: 'soft', route: 'in_turn()' },
  { file: 'softmax_of_top_k', route: 'softmax_of_top_k(k = 2, biases = true)' },
  { file: 'spectral', route: 'spectral(k = 2, alpha = 0.9, c = 3)' },
  { file: 'spectral', route: 'spectral_pair(k = 2, alpha = 0.9, c = 3)' },
  { file: 'stable', route: 'stable()' },
  { file: 'top_k', route: 'top_k(k = 8)' },
  { file: 'top_p', route: 'top_p(p = 0.6, renormalise = true)' },
]
