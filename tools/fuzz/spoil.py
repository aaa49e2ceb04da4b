"""Spoil the bytes of a file, by a seed."""

import numpy as np

HEAD = 2048
"""Bytes at the beginning, where headers stand; half of the places are drawn from them."""


def spoil(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a content in one of five ways: flip a bit, write random bytes, cut off, cut out, put in.

    Args:
        content: Of a valid file, at least one byte.
        rng: Draws way, places and bytes.

    Returns:
        Another content.
    """
    spoilt = content
    while spoilt == content:
        changed = bytearray(content)
        way = rng.choice(5, p=(0.5, 0.2, 0.1, 0.1, 0.1))
        place, many = _place(len(content), rng), int(rng.integers(1, 65))
        if way == 0:
            changed[place] ^= 1 << int(rng.integers(8))
        elif way == 1:
            for at in {place, *(_place(len(content), rng) for _ in range(int(rng.integers(8))))}:
                changed[at] = int(rng.integers(256))
        elif way == 2:
            del changed[place:]
        elif way == 3:
            del changed[place : place + many]
        else:
            changed[place:place] = rng.bytes(many)
        spoilt = bytes(changed)
    return spoilt


def _place(length: int, rng: np.random.Generator) -> int:
    return int(rng.integers(min(length, HEAD) if rng.random() < 0.5 else length))
