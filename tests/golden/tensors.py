"""What the scripts of windowed operators share: inputs that PyTorch differentiates."""
import numpy as np
import torch

from emit import grid


def tensor(rng, shape, away=False):
    """Multiples of 1/64; `away`: none near 0, where a norm has a kink."""
    x = grid(rng, shape)
    if away:
        x = np.where(np.abs(x) < 0.25, x + 0.5 * np.where(x < 0, -1, 1), x)
    return torch.tensor(x).requires_grad_(True)


def plain(t):
    return t.detach().numpy()
