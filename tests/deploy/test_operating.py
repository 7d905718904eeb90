"""docs/operating.md and the files of deploy/ speak of the same machine, and of a server as it is."""

from __future__ import annotations

import re
from pathlib import Path

from hashpass import settings
from hashpass.fitness import unfit
from tests.deploy.proxy import DEPLOY, NAME
from tests.house import open_house

GUIDE = (DEPLOY.parent / "docs" / "operating.md").read_text()
SECRETS = {name: str(value) for name, value in settings.fresh_secrets().items()}


def test_the_settings_it_gives_are_right_and_leave_nothing_to_say_but_that_there_is_no_mail(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```ini\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    given = dict(line.split("=", 1) for line in block.splitlines())
    assert given["HASHPASS_PUBLIC_URL"] == f"https://{NAME}"
    dotenv = tmp_path / ".env"
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in {**SECRETS, **given}.items()))
    loaded = settings.load({}, dotenv)
    assert loaded.warnings == ()
    assert unfit(loaded) == []


def test_it_and_the_unit_name_the_same_places() -> None:
    unit = (DEPLOY / "hashpass.service").read_text()
    for place in ("/opt/hashpass/bin/python", "/etc/hashpass/.env", "/var/lib/hashpass"):
        assert place in unit, place
        assert place in GUIDE, place
    assert "HASHPASS_BIND=unix:/run/hashpass/hashpass.sock" in GUIDE
    assert "RuntimeDirectory=hashpass\n" in unit
    assert (DEPLOY / "nginx.conf").read_text().count("# server unix:/run/hashpass/hashpass.sock;") == 2


async def test_the_figures_worth_an_alert_exist(tmp_path: Path) -> None:
    async with open_house(tmp_path) as running:
        shown = (await running.http.get("/metrics")).text
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", shown, re.MULTILINE))
    named = set(re.findall(r"`(hashpass_\w+)", GUIDE))
    assert len(named) >= 8
    for name in named:
        assert name in kinds, name
        assert name.endswith("_total") == (kinds[name] == "counter"), name
