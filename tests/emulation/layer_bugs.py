"""Bugs to plant in the kernels of rarer layers, of classifiers' losses and of pictures: as in head_bugs.py."""
# ruff: noqa: E501  (one bug a line)

from __future__ import annotations

BUGS: list[tuple[str, str, str, tuple[str, ...]]] = [
    # moves, arithmetic, gates
    ("move.cu", "at * axes[3 * a + 1]", "at * axes[3 * a + 2]", ("blend_update",)),
    ("move.cu", "keep * y[to] + value", "y[to] + value", ("blend_update",)),
    ("move.cu", "rest % length", "rest", ("blend_update",)),
    ("elementwise.cu", "fmaxf(x[i], -bound)", "fmaxf(x[i], 0.f)", ("clip-",)),
    ("elementwise.cu", "fabsf(x[i]) <= bound", "x[i] <= bound", ("clip_backward",)),
    ("elementwise.cu", "a[i] == b[i] ? x[i]", "a[i] >= b[i] ? x[i]", ("where_equal",)),
    ("elementwise.cu", "x[i] > 0.f ? 1.f", "x[i] >= 0.f ? 1.f", ("signs",)),
    ("elementwise.cu", "10.f * fabsf(x[i])", "10.f * x[i]", ("powered",)),
    ("elementwise.cu", "(1.f - z[i]) * fresh[i];", "z[i] * fresh[i];", ("gru_mix-",)),
    ("elementwise.cu", "dy[i] * (before[i] - fresh[i])", "dy[i] * before[i]", ("gru_mix_backward",)),
    ("elementwise.cu", "f[i] * c[i] + in[i] * g[i]", "f[i] * c[i] + in[i]", ("lstm_cell-",)),
    ("elementwise.cu", "din[i] = dy[i] * g[i]", "din[i] = dy[i] * in[i]", ("lstm_cell_backward",)),
    # filters and shares
    ("filters.cu", "mean = sum / width;\n    __syncthreads();", "mean = sum / width;", ("binary_filters",)),
    ("filters.cu", "sum += fabsf(own[k])", "sum += own[k]", ("binary_filters",)),
    ("filters.cu", "= own[k] - mean", "= own[k]", ("centred_filters",)),
    ("filters.cu", "k < inputs; ++k) column.largest", "k < 1; ++k) column.largest", ("shares",)),
    ("filters.cu", "? eps / column.ties", "? eps", ("shares_backward",)),
    ("filters.cu", "(slope * (dy[k * width + i] - mean)", "(slope * dy[k * width + i]", ("shares_backward",)),
    # norms over channels
    ("norms.cu", "max(-(before), -c_)", "-(before)", ("local_response",)),
    ("norms.cu", "min((after), (channels)-1 - c_)", "min((after), (channels) - c_)", ("local_response",)),
    ("norms.cu", "i, channels, places, after, before)", "i, channels, places, before, after)", ("local_response_backward",)),
    ("norms.cu", "sum > 0.f ? 1.f / sqrtf(sum) : 1.f", "1.f / sqrtf(sum)", ("unit_vectors",)),
    ("norms.cu", "dy[at] - y[at] * along", "dy[at]", ("unit_vectors_backward",)),
    ("norms.cu", "c < channels; c += wide) largest", "c < channels; c += 1) largest", ("maxpool_depth-",)),
    ("norms.cu", "!given && x[at]", "x[at]", ("maxpool_depth_backward",)),
    ("norms.cu", "fmaxf(square[c] - mean[c] * mean[c], 0.f)", "square[c] - mean[c] * mean[c]", ("variance",)),
    ("norms.cu", "spread > 0.f ? -0.5f", "true ? -0.5f", ("shared_norm",)),
    ("norms.cu", "2.f * x[i] * dsquare", "x[i] * dsquare", ("shared_norm",)),
    # costs of classifiers
    ("costs.cu", "y[i] * sums[i] - truth[i]", "y[i] - truth[i]", ("softmax_cost",)),
    ("costs.cu", "/ temperature", "", ("softmax_cost",)),
    ("costs.cu", "- truth[i] * x[i]", "", ("logistic_cost",)),
    ("costs.cu", "truth[i] == special ? weight", "truth[i] != special ? weight", ("difference_cost",)),
    ("costs.cu", ">= thresh ?", "> -1.f ?", ("difference_cost",)),
    ("costs.cu", "truth[i] * sharp + spread", "truth[i] * sharp", ("difference_cost",)),
    # what is drawn
    ("chance.cu", "mixed(i + first_key) + second_key", "mixed(i + first_key)", ("dropout_mask",)),
    ("chance.cu", ">= threshold ?", "> first_key ?", ("dropout_mask",)),
    ("chance.cu", "down < side && right >= 0", "down <= side && right >= 0", ("block_mask",)),
    ("chance.cu", "factors[plane / channels]", "factors[0]", ("block_mask",)),
    ("chance.cu", "ow - 1 - i % ow", "ow - i % ow", ("crop",)),
    ("chance.cu", "view[SINE] * right + view[COSINE] * down", "view[COSINE] * down", ("crop",)),
    ("chance.cu", "value + view[NUMBERS + c]", "value", ("crop",)),
    ("chance.cu", "k < channels; ++k) brightest", "k < 1; ++k) brightest", ("crop",)),
    ("planes.cu", "many == 1 ? 0 : picture", "picture", ("multiply-",)),
    ("planes.cu", "each * (pictures / many)", "each", ("multiply_backward",)),
    # pictures
    ("pictures.cu", "row = i / ow % oh - (oh - inner_h) / 2", "row = i / ow % oh", ("pictures",)),
    ("pictures.cu", "1.f - saturation * (1.f - rest)", "1.f - saturation * rest", ("pictures",)),
    ("pictures.cu", "wrap || hue > 0.f", "wrap", ("pictures",)),
]  # fmt: skip
