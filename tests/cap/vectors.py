"""Tokens, pairs and solutions as other Cap servers and the widget compute them."""

from __future__ import annotations

from attrs import frozen

SECRET = "test-vector-secret"
FAR = 4_102_444_800_000
"""The first millisecond of 2100."""


@frozen
class Pairs:
    name: str
    token: str
    pairs: tuple[tuple[str, str], ...]
    solutions: tuple[int, ...] = ()


SIGNED = Pairs(
    "A: default sizes, signed",
    (
        "00112233445566778899aabbccddeeff00112233445566778899:4102444800000:4:32:4:"
        "8be14f0c43165e0aaf041a40d0d00fef1f83c7f69928b839ff816c8b023e57f9"
    ),
    (
        ("6a3f95cf8841080c815b492ce7a91f73", "d5bb"),
        ("dcc0715b8f847dee070e03b2287c21ce", "36d8"),
        ("b0725a979f3827e7e355caa51a29b305", "6e07"),
        ("fbf5ab109c66073bcca8661bcd07a3ee", "72e0"),
    ),
    (4092, 57401, 253781, 21139),
)
SMALL = Pairs(
    "B: small, signed",
    "aa" * 25 + ":4102444800000:3:8:2:dd04083dea26ff43c573ae76588994cbb30bc7d35caf51e7ee5ca7f09bd21a82",
    (("d8590156", "79"), ("6ea6e5c2", "ef"), ("0b5c80ea", "a5")),
    (134, 270, 341),
)
PAIRS = [
    SIGNED,
    SMALL,
    Pairs(
        "C: a short token, odd difficulty",
        "test",
        (
            ("19ad2be626e7044e", "8a7"),
            ("ab30ee5369a070ee", "e7c"),
            ("56bea4edc64bfa7c", "5f9"),
            ("87c58f92f0cd45a9", "8fd"),
        ),
        (4538, 13034, 107, 3837),
    ),
    Pairs(
        "D: an unsigned token",
        "aabbccdd11223344556677889900aabbccdd11223344556677",
        (
            ("1d10ae101287e5592bbafbafed2b18c8", "e2e1"),
            ("c5d8dc32158090bdf5715db60639a875", "6af2"),
            ("df476d886c38ea935c3cf6e69eeaa556", "187e"),
        ),
        (124488, 161889, 81542),
    ),
    Pairs("E: no token", "", (("bd019a0b", "6903"), ("ecbd072e", "31c3"), ("cbd3c7e0", "da6a"))),
]

VERIFICATION = (
    "0123456789abcdef0123456789abcd:4102444800000:3285b6d8ab8721daeeacbc131cacaa358d9171e5c57f060d5c33af0c1e9ae249"
)
"""V-F, under the same secret."""

COLLISION = (
    (
        "d1e80dec8c9cba71b8ee85b93d3bb77875a09999a587744497:1795213830089:50:32:4:"
        "8ae551f52c99cc0a86edafc0515e96dd755250c9fae2a8c5179e1a432ca5af82"
    ),
    (
        "ff352bc8f3596335bcf34145d65dd750de7f8a834223a50859:1795213831024:50:32:4:"
        "9b6579bcc0ff9a75b988b580d663bc6b2f895e5e31d19960327de6eded36d145"
    ),
)
"""V-G: two challenges with the same 32-bit hash, and so the same pairs. Their secret is not known."""

OWN_COLLISION = (
    (
        "2f4f742210c53dbbfa369665685b6f5fa3d2ab366881a9cd1e:4102444800000:50:32:1:"
        "956c166442efc73b25214816a228860708ee937d67285b9247196855b934c7f5"
    ),
    (
        "46320f282a08c29afa0d33d04133f6a225a9718ddf2dc83328:4102444800000:50:32:1:"
        "233035da2cc2f6ce3c8a4e67ab0f40fc1be3aaf980ad8c5390f03433a3f830e2"
    ),
)
"""Another such pair, under the secret above; it turned up after 26,064 challenges."""
