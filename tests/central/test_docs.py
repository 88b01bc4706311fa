"""The documents say what the code does."""

import re
from pathlib import Path

from central.config import SECTIONS
from central.people import rights
from central.web.problems import TYPE_PREFIX

ROOT = Path(__file__).parents[2]


def test_the_table_of_roles_is_the_one_in_force() -> None:
    text = (ROOT / "docs/security.md").read_text()
    rows = re.findall(r"^\| `([a-z.]+)` \|(.*)\|$", text, re.MULTILINE)
    told = {
        right: tuple(role for role, cell in zip(rights.ROLES, cells.split("|"), strict=True) if "yes" in cell)
        for right, cells in rows
        if right in rights.TABLE
    }
    assert told == {right: having for right, having in rights.TABLE.items() if having != (rights.AGENT,)}


def test_every_act_is_described() -> None:
    text = (ROOT / "docs/security.md").read_text()
    kinds: set[str] = set()
    for path in (ROOT / "central").rglob("*.py"):
        kinds |= set(re.findall(r'kind="([a-z]+(?:\.[a-z]+)?)", actor=', path.read_text()))
    assert {"login", "login.failed", "user.add"} <= kinds
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []


def test_every_problem_of_uploads_is_described() -> None:
    text = (ROOT / "docs/api.md").read_text()
    codes = re.findall(r'Problem\(\w+, "([a-z-]+)"', (ROOT / "central/uploads.py").read_text())
    ordinary = {"tus-version", "client-disconnected", "unsupported-media-type"}
    assert [code for code in codes if code not in ordinary and f"`{code}`" not in text] == []
    assert TYPE_PREFIX.startswith("urn:")


def test_every_key_of_the_configuration_is_described_with_its_default() -> None:
    text = (ROOT / "docs/central.md").read_text()
    told = dict(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| (.*?) ?\| .+ \|$", text, re.MULTILINE))
    wanted = {f"{section}.{key}": option for section, options in SECTIONS.items() for key, option in options.items()}
    assert set(told) == set(wanted)
    for key, option in wanted.items():
        if option.default is not None:
            default = str(option.default).lower() if option.kind == "flag" else option.default
            assert told[key] == f"`{default}`", key
        assert (told[key] == "**required**") == option.required, key
