"""What a graphics card has, through an array module like CuPy."""

from __future__ import annotations

from typing import Any


def card_memory(xp: Any) -> int | None:
    """Bytes of the card that arrays of this process may take, those that it has taken among them.

    None where `xp` computes on the processor.
    """
    if not hasattr(xp, "get_default_memory_pool"):
        return None
    pool = xp.get_default_memory_pool()
    free, _ = xp.cuda.runtime.memGetInfo()
    room, limit = int(free) + int(pool.total_bytes()), int(pool.get_limit())
    return min(room, limit) if limit else room
