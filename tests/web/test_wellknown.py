from __future__ import annotations

from pathlib import Path

import jwt

from hashpass.directory import KeyFile, KeyRing
from hashpass.receipts import Receipts
from hashpass.web.errors import Application
from hashpass.web.wellknown import WellKnown


async def test_the_keys_are_served_and_may_be_kept_for_five_minutes(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    receipts = Receipts(KeyRing(file, file.load()), issuer="hashpass")
    app = Application("test")
    WellKnown(receipts).install(app)
    client = app.test_client()
    response = await client.get("/.well-known/jwks.json")
    assert response.status_code == 200
    assert response.content_type == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    assert await response.get_json(force=True) == receipts.jwks()

    old = receipts.sign("HASHPASS-old", 1, 1.0)
    await receipts.rotate()
    served = jwt.PyJWKSet.from_dict(await (await client.get("/.well-known/jwks.json")).get_json(force=True))
    assert len(served.keys) == 2
    key = served[jwt.get_unverified_header(old)["kid"]]
    assert jwt.decode(old, key.key, algorithms=["EdDSA"])["code"] == "HASHPASS-old"


async def test_it_is_only_read(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    app = Application("test")
    WellKnown(Receipts(KeyRing(file, file.load()), issuer="hashpass")).install(app)
    assert (await app.test_client().post("/.well-known/jwks.json")).status_code == 405
