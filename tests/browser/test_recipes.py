"""What docs/troubleshooting.md tells people to try by hand does what is said there."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Serve, Trouble, Visit
from tests.browser.racing import ENDLESS, QUICK, codes_on, eventually, expect_mining, main_button, records, start

GUIDE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
SCRIPT = "\n".join(re.findall(r"^```js\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))

# Consoles shorten what they print, so what the lines say goes to us instead.
LISTEN = "const said = []; const console = { log: (...all) => said.push(...all.map((one) => JSON.stringify(one))) };"
UNTIL_PONG = "while (!said.some((one) => one.includes('PONG'))) await new Promise((go) => setTimeout(go, 20));"


def test_the_consoles_lines_work_on_the_page(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(r"status of 400 .*/api/verify")
    page = visit(at=serve(**ENDLESS))
    start(page)
    expect_mining(page)
    said = page.evaluate(f"async () => {{ {LISTEN} {SCRIPT} {UNTIL_PONG} return said.join('\\n'); }}")
    assert "ip=127.0.0.1" in said
    assert '"gate":"open"' in said
    assert re.search(r'"seed":"[0-9a-f]{64}"', said)
    assert '[200,{"codes":[]}]' in said
    assert re.search(r'\[400,.*"urn:hashpass:error:hash_above_target"', said)
    assert r'"{\"type\":\"PONG\",\"online\":2}"' in said
    expect_mining(page)  # the page's own session has not been harmed


def test_of_two_tabs_one_wins_each_round_and_both_go_on(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(r"status of 409 .*/api/verify")
    server = serve(**QUICK)
    one = visit(at=server)
    other = one.context.new_page()
    other.goto("/")
    for tab in (one, other):
        start(tab)
    eventually(one, lambda: all(len(codes_on(tab)) >= 2 for tab in (one, other)))
    for tab in (one, other):
        main_button(tab).click()
        expect(main_button(tab)).to_have_text("Start mining")
    eventually(one, lambda: len(codes_on(one)) + len(codes_on(other)) == len(records(server)))
    assert not set(codes_on(one)) & set(codes_on(other))
    assert {record["round"] for record in records(server)} == set(range(1, len(records(server)) + 1))
