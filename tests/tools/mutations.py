"""Valid files made invalid by a seed: the same seed gives the same bytes."""

import random

TOKENS = (
    *(
        b"\0",
        b"\xff",
        b'"',
        b",",
        b"\n",
        b"\r",
        b";",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"-",
        b"-1",
        b"0",
        b"1e999",
        b"nan",
    ),
    *(b"inf", b"-inf", b"NaN", b"Infinity", b"null", b"true", b"1e308", b"1e-320", b"9" * 30, b"9" * 400, b"9" * 5000),
    *(b"[" * 2000, b'{"a":' * 60, b"../../x", b"/etc/passwd", b"<script>", "\u202e".encode(), b"\xed\xa0\x80", b"%s"),
    *(b"0.5", b"100", b"4294967296", b"2147483648", b"reached", b"censored", b"infeasible", b'""', b" ", b"\t", b"_"),
)


def mutated(content, seed):
    """Return a file's bytes after one to four changes: bits, bytes, pieces and words, in, out and moved about."""
    draw, spoilt = random.Random(seed), bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(spoilt) + 1)
        end = min(len(spoilt), at + draw.choice((1, 1, 2, 4, 16, 64)))
        kind = draw.randrange(8)
        if kind == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del spoilt[at:end]
        elif kind == 2:
            spoilt[at:end] = draw.choice(TOKENS)
        elif kind == 3:
            spoilt[at:at] = draw.choice(TOKENS)
        elif kind == 4:
            spoilt[at:at] = spoilt[(start := draw.randrange(len(spoilt) + 1)) : start + draw.choice((4, 40, 400))]
        elif kind == 5:
            spoilt[at:end] = draw.randbytes(end - at)
        elif kind == 6:
            del spoilt[at:]
        else:  # a word between separators gives way to another
            left = max(spoilt.rfind(mark, 0, at) for mark in (b",", b":", b"\n", b"["))
            right = min((i for mark in (b",", b"}", b"\n", b"]") if (i := spoilt.find(mark, at)) >= 0), default=at)
            spoilt[left + 1 : right] = draw.choice(TOKENS)
    return bytes(spoilt)
