"""Operations over neighbouring channels, and batch norm over several mini-batches: NumPy's expressions of them."""

from __future__ import annotations

from typing import Any, NamedTuple

Array = Any


class Response(NamedTuple):
    """Options of a local response normalisation: x * (kappa + alpha * sum of x^2 over `size` channels)^-beta."""

    size: int
    alpha: float
    beta: float
    kappa: float

    @property
    def around(self) -> tuple[int, int]:
        """Channels below and above that count."""
        return (self.size - 1) // 2, self.size // 2


class Norms:
    """Arrays are (n, c, h, w)."""

    xp: Any
    dtype: Any

    def local_response(self, x: Array, options: Response) -> tuple[Array, Array]:
        """(result, the sums that it was divided by)"""
        total = options.kappa + options.alpha * self._window_sum(x * x, *options.around)
        return x * total**-options.beta, total

    def local_response_backward(self, dy: Array, x: Array, total: Array, options: Response) -> Array:
        """dx of `local_response`."""
        scale, (before, after) = total**-options.beta, options.around
        others = self._window_sum(dy * x * scale / total, after, before)
        return dy * scale - 2 * options.alpha * options.beta * x * others

    def _window_sum(self, x: Array, before: int, after: int) -> Array:
        """For each channel the sum over those from `before` below it to `after` above it."""
        total = self.xp.zeros_like(x)
        channels = x.shape[1]
        for shift in range(-before, after + 1):
            low, high = max(0, -shift), min(channels, channels - shift)
            if low < high:
                total[:, low:high] += x[:, low + shift : high + shift]
        return total

    def unit_vectors(self, x: Array) -> Array:
        """The channels of each place as a vector of length 1; zeros stay."""
        return x * self._inverse_length(x)

    def unit_vectors_backward(self, dy: Array, x: Array, y: Array) -> Array:
        """dx of `unit_vectors`."""
        return (dy - y * (dy * y).sum(axis=1, keepdims=True)) * self._inverse_length(x)

    def _inverse_length(self, x: Array) -> Array:
        length = self.xp.sqrt((x * x).sum(axis=1, keepdims=True))
        return 1 / self.xp.where(length > 0, length, 1)

    def maxpool_depth(self, x: Array, channels: int) -> Array:
        """Channel g of the result is the largest of g, g + channels, g + 2 * channels, ..."""
        return self._layers(x, channels).max(axis=1)

    def maxpool_depth_backward(self, dy: Array, x: Array, y: Array) -> Array:
        """dx of `maxpool_depth`: the first of the largest takes it."""
        layers = self._layers(x, y.shape[1])
        equal = layers == y[:, None]
        first = equal & (equal.cumsum(axis=1) == 1)
        whole = (first * dy[:, None]).reshape(len(x), layers.shape[1] * layers.shape[2], *x.shape[2:])
        return whole[:, : x.shape[1]]

    def _layers(self, x: Array, channels: int) -> Array:
        """(n, layers, channels, h, w), -inf where the last layer is not full."""
        n, c, h, w = x.shape
        missing = -c % channels
        padded = x
        if missing:
            padded = self.xp.pad(x, ((0, 0), (0, missing), (0, 0), (0, 0)), constant_values=-self.xp.inf)
        return padded.reshape(n, -(-c // channels), channels, h, w)

    def variance(self, mean: Array, square: Array) -> Array:
        """max(square - mean^2, 0), of the means (c,) of numbers and of their squares."""
        return self.xp.maximum(square - mean * mean, 0)

    def shared_norm_gradients(
        self, dy: Array, x: Array, scale: Array, mean: Array, square: Array, eps: float, count: int
    ) -> tuple[Array, Array, Array]:
        """(dx, dscale, dbias) of a batch norm with `mean` and ``variance(mean, square)``.

        x is one of `count` mini-batches whose numbers they are the means of; the others are constants.
        """
        spread = square - mean * mean
        rstd = 1 / self.xp.sqrt(self.xp.maximum(spread, 0) + eps)
        dbias = dy.sum(axis=(0, 2, 3))
        dscale = (dy * (x - _maps(mean)) * _maps(rstd)).sum(axis=(0, 2, 3))
        dvar = -0.5 * scale * dscale * rstd * rstd * (spread > 0)
        dmean = -scale * dbias * rstd - 2 * mean * dvar
        share = count * (x.size // x.shape[1])
        return dy * _maps(scale * rstd) + (_maps(dmean) + 2 * x * _maps(dvar)) / share, dscale, dbias


def _maps(v: Array) -> Array:
    return v[:, None, None]
