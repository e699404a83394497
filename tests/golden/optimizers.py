"""Optimizers that PyTorch 1.13 lacks, written out in its operations."""
import torch


class Base(torch.optim.Optimizer):
    def __init__(self, params, **defaults):
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group['params']:
                self.update(p, p.grad, self.state[p], group)


class Lion(Base):
    """Chen et al., Symbolic discovery of optimization algorithms, 2023, algorithm 2."""

    def update(self, p, g, state, o):
        beta1, beta2 = o['betas']
        m = state.get('exp_avg', torch.zeros_like(p))
        direction = torch.sign(beta1 * m + (1 - beta1) * g)
        state['exp_avg'] = beta2 * m + (1 - beta2) * g
        p.sub_(o['lr'] * (direction + o['weight_decay'] * p))


class Lamb(Base):
    """You et al., Large batch optimization for deep learning, 2020, algorithm 2; phi is the identity."""

    def update(self, p, g, state, o):
        beta1, beta2 = o['betas']
        t = state['step'] = state.get('step', 0) + 1
        m = state['exp_avg'] = beta1 * state.get('exp_avg', torch.zeros_like(p)) + (1 - beta1) * g
        v = state['exp_avg_sq'] = beta2 * state.get('exp_avg_sq', torch.zeros_like(p)) + (1 - beta2) * g * g
        r = (m / (1 - beta1 ** t)) / ((v / (1 - beta2 ** t)).sqrt() + o['eps']) + o['weight_decay'] * p
        ratio = p.norm() / r.norm() if p.norm() > 0 and r.norm() > 0 else 1.0
        p.sub_(o['lr'] * ratio * r)


class NAdam(Base):
    """As torch.optim.NAdam's documentation and PyTorch 2 have it. 1.13's code multiplies the product of
    momentums by the newest of them twice where it looks one step ahead."""

    def update(self, p, g, state, o):
        beta1, beta2 = o['betas']
        t = state['step'] = state.get('step', 0) + 1
        g = g + o['weight_decay'] * p
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * o['momentum_decay']))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * o['momentum_decay']))
        product = state['mu_product'] = state.get('mu_product', 1.0) * mu
        m = state['exp_avg'] = beta1 * state.get('exp_avg', torch.zeros_like(p)) + (1 - beta1) * g
        v = state['exp_avg_sq'] = beta2 * state.get('exp_avg_sq', torch.zeros_like(p)) + (1 - beta2) * g * g
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        p.sub_(o['lr'] * m_hat / ((v / (1 - beta2 ** t)).sqrt() + o['eps']))
