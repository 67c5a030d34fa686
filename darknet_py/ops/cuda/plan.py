"""What a GPU may do otherwise than by default. Everything here is asked for by the user."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Choices that the command line offers for GPUs.

    graphs: inference is captured into CUDA graphs. cublas: convolutions by cuBLAS where it is faster on this card.
    tf32: products of cuBLAS in TF32, with 10 bits of mantissa. half: inference in half precision.
    """

    graphs: bool = False
    cublas: bool = False
    tf32: bool = False
    half: bool = False
