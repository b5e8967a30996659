"""The state of the service: who did what, whether all works, and how it is set up."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rag.app import back_up, read_back
from rag.store.upkeep import Upkeep
from rag.types import Role, utc_now
from tests.ui.conftest import UI, Opener, Site
from tests.ui.test_looks import LOOKS, picture

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp" + "x" * 4_000
RAG = Path(__file__).parents[2] / "rag"


def test_every_kind_of_act_has_words_and_can_be_looked_for() -> None:
    words = json.loads((UI / "src/features/audit/en.json").read_text())["act"]
    offered = (UI / "src/features/audit/Filters.tsx").read_text()
    written: set[str] = set()
    for path in RAG.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "wrote(" in text or "audit.write(" in text or "AuditRow(" in text:
            calls = r'(?:wrote|audit\.write)\(\s*[\w.()= "]+, "([a-z ]+)"'
            written |= set(re.findall(calls, text))
            written |= set(re.findall(r'\bact="([a-z ]+)"', text))
            # "pause source" if paused else "resume source"
            for pair in re.findall(r'"([a-z]+(?: [a-z]+)+)" if [\w ]+ else "([a-z ]+)"', text):
                written |= set(pair)
    assert {
        "invite",
        "sign in",
        "end sessions",
        "add to group",
        "resume source",
        "erase person",
    } <= written
    assert {act.replace(" ", "-") for act in written} <= words.keys()
    assert all(f'"{act}"' in offered for act in written)


def test_the_log_is_looked_through_by_who_what_and_outcome(signed: Opener, site: Site) -> None:
    app = site.deployment.app
    who = app.person(None)
    site.deployment.run(app.change_group(who, "editors", "adam", belongs=True))
    with pytest.raises(Exception, match="wrong"):
        site.deployment.run(app.accounts.sign_in("adam", "not the password"))
    app._parts.audit.write("mallory", "do something new", HOSTILE, note=HOSTILE)
    seen = signed("/admin/audit")
    page = seen.page
    log = page.get_by_role("list", name="Audit log")
    expect(log.get_by_text("mallory")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("combobox", name="Outcome").click()
    page.get_by_role("option", name="refused").click()
    # Other tests of this site were refused too: what matters is that nothing else is shown.
    expect(log.get_by_text("mallory")).to_have_count(0)
    lines = log.get_by_role("listitem")
    expect(lines.first).to_contain_text("anonymous was refused to sign in as: adam")
    expect(lines.filter(has_text="was refused to")).to_have_count(lines.count())
    assert "outcome=refused" in page.url
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("combobox", name="What", exact=True).fill("added to a g")
    page.get_by_role("option", name="added to a group").click()
    page.get_by_label("To what").fill("ADA")
    page.wait_for_url("**object=ADA**")
    line = log.get_by_role("listitem").first
    line.get_by_role("button").click()
    expect(line).to_contain_text("editors")
    page.reload()
    expect(page.get_by_label("To what")).to_have_value("ADA")
    page.get_by_label("Who").fill("nobody at all")
    expect(page.get_by_text("Nothing that was done is like that.")).to_be_visible()


def test_health_tells_what_fails_and_when_a_backup_was_made(
    opened: Opener, site: Site, signed: Opener, tmp_path: Path
) -> None:
    app = site.deployment.app
    seen = signed("/admin/health")
    page = seen.page
    page.get_by_text("Tried this minute").wait_for()
    backup = page.get_by_role("region", name="Backup")
    expect(backup.get_by_text("none yet")).to_be_visible()
    back_up(app.settings, tmp_path / "b", keys=False, progress=lambda _: None)
    read_back(app.settings, tmp_path / "b", lambda _: None)
    page.get_by_role("button", name="Try everything again").click()
    expect(backup.get_by_text("up to date")).to_be_visible()
    expect(backup.get_by_text(str(tmp_path / "b"))).to_be_visible()
    expect(backup.get_by_text("this minute")).to_have_count(2)
    expect(page.get_by_role("region", name="Storage")).to_contain_text(" of ")

    def failing(route) -> None:
        checks = [
            {"name": "index", "ok": False, "detail": HOSTILE, "hint": "Run: rag sync --rebuild."}
        ]
        route.fulfill(json={"ok": False, "checks": checks})

    page.route("**/api/v1/checks", failing)
    page.reload()
    expect(page.get_by_text("1 part does not work")).to_be_visible()
    expect(page.get_by_text("What to do: Run: rag sync --rebuild.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.route("**/api/v1/upkeep", lambda route: route.abort())
    page.reload()
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    seen.problems[:] = [one for one in seen.problems if "ERR_FAILED" not in one]


def test_settings_are_shown_and_a_configuration_is_looked_over(signed: Opener, site: Site) -> None:
    seen = signed("/admin/settings")
    page = seen.page
    file = site.deployment.app.settings.data / "rag.toml"
    before = file.read_text()
    page.get_by_text(str(file)).first.wait_for()
    page.get_by_label("Search keys and meanings").fill("client_secret")
    expect(page.get_by_text("Set, and not shown")).to_be_visible()
    assert "search=client_secret" in page.url
    text = page.get_by_label("Configuration (TOML)")
    text.fill('[server]\nprot = 1\nport = "x"\n')
    page.get_by_role("button", name="Look it over").click()
    expect(page.get_by_text("does not start with this: 2 problems")).to_be_visible()
    expect(page.get_by_text("unknown key 'server.prot'. Did you mean 'port'?")).to_be_visible()
    text.fill(f"{before}[sync]\nmax_attempts = 9\n")
    expect(page.get_by_text("does not start")).to_have_count(0)
    page.get_by_role("button", name="Look it over").click()
    expect(page.get_by_text("The server starts with this")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="sync.max_attempts")).to_contain_text("9")
    assert file.read_text() == before
    page.get_by_label("Search keys and meanings").fill("")
    page.get_by_role("switch", name="Only what somebody set").check(force=True)
    page.wait_for_url("**set=here**")
    expect(page.get_by_text("domains.chairs.pack")).to_be_visible()
    expect(page.get_by_text("[chunking]")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_the_pages_of_the_service_are_for_everybody(
    signed: Opener, site: Site, look: str, tmp_path: Path
) -> None:
    app = site.deployment.app
    app._parts.audit.write("adam", "change account", "dora", roles=[Role.USER, Role.DATA])
    table = Upkeep(app._parts.ledger.database, utc_now)
    table.note(
        "backup", folder="/backups/2026-11-21", bytes=83_400_000, rows=12_345, files=321,
        damaged=1, keys=False,
    )  # fmt: skip
    table.note("housekeeping", files=12, bytes=3_400_000, deleted={"traces": 7})
    found: dict[str, list[str]] = {}
    seen = signed("/admin/audit", **LOOKS[look])
    page = seen.page
    log = page.get_by_role("list", name="Audit log")
    log.get_by_role("button").first.click()
    picture(page, f"audit-{look}")
    found["audit"] = seen.axe()
    pages = {
        "health": ("/admin/health", "Housekeeping"),
        "settings": ("/admin/settings?set=here", "server starts with this"),
    }
    for name, (path, shown) in pages.items():
        page.goto(f"{site.url}{path}")
        if name == "settings":
            text = f"{(app.settings.data / 'rag.toml').read_text()}[log]\nlevel = 'debug'\n"
            page.get_by_label("Configuration (TOML)").fill(text)
            page.get_by_role("button", name="Look it over").click()
        page.get_by_text(shown).first.wait_for()
        if name == "health":
            page.get_by_text("Tried this minute").wait_for()
        picture(page, f"{name}-{look}")
        page.get_by_role("heading").last.scroll_into_view_if_needed()
        picture(page, f"{name}-end-{look}")
        found[name] = seen.axe()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {name: bad for name, bad in found.items() if bad} == {}
