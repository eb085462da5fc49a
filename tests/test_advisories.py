"""What comes of the answers of pip-audit and npm audit: nothing passes as clean that was not looked up."""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import pytest

from tests.advisories import (
    CLEAN,
    EXCEPTIONS,
    FOUND,
    LOCKS,
    NOT_ASKED,
    ROOT,
    WEB,
    Asked,
    node_answer,
    python_answer,
    verdict,
)

TODAY = date(2026, 11, 29)
SAFE = {"dependencies": [{"name": "h3", "version": "4.5.0", "vulns": []}]}
UNSAFE = {
    "dependencies": [
        {"name": "h3", "version": "4.5.0", "vulns": []},
        {
            "name": "jinja2",
            "version": "3.0.0",
            "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1", "GHSA-aaaa"], "fix_versions": ["3.1.6"]}],
        },
    ]
}
# As pip-audit 2.10 answers where an index has packages and no advisories.
UNKNOWN = {
    "dependencies": [{"name": "h3", "skip_reason": "Dependency not found on PyPI and could not be audited"}]
}
NODE_SAFE: dict[str, Any] = {"auditReportVersion": 2, "vulnerabilities": {}}
NODE_UNSAFE = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "vite": {
            "via": [{"source": 1, "title": "reads files", "url": "https://github.com/advisories/GHSA-bbbb"}],
        },
        "a-plugin": {"via": ["vite"]},
    },
}
# As npm 10 answers where a registry has no advisories.
NODE_UNKNOWN = {
    "message": "405 Method Not Allowed - POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk"
}
EXCEPTION = {
    "id": "GHSA-aaaa",
    "package": "jinja2",
    "reason": "no template of strangers",
    "until": date(2027, 1, 1),
}


def test_clean_is_what_was_asked_about_and_has_nothing_against_it() -> None:
    code, lines = verdict([python_answer("a", SAFE, ""), node_answer("b", NODE_SAFE, "")], [], TODAY)
    assert (code, lines) == (CLEAN, ["audited: a", "audited: b"])


def test_what_is_known_is_said_and_fails() -> None:
    code, lines = verdict([python_answer("a", UNSAFE, ""), node_answer("b", NODE_UNSAFE, "")], [], TODAY)
    assert code == FOUND
    assert lines[:2] == [
        "UNSAFE: jinja2 in a: PYSEC-2026-1, CVE-2026-1, GHSA-aaaa",
        "UNSAFE: vite in b: GHSA-bbbb reads files",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        python_answer("a", UNKNOWN, ""),
        python_answer("a", None, "Traceback\nConnectionError: api.osv.dev"),
        node_answer("a", NODE_UNKNOWN, ""),
        node_answer("a", None, "npm: not found"),
    ],
)
def test_what_could_not_be_asked_is_said_and_is_not_clean(answer: Asked) -> None:
    code, lines = verdict([answer], [], TODAY)
    assert code == NOT_ASKED
    assert len(lines) == 1
    assert lines[0].startswith("NOT AUDITED: a: ")
    assert len(lines[0]) < 300
    code, _ = verdict([answer, python_answer("b", UNSAFE, "")], [], TODAY)
    assert code == FOUND, "what is known counts more"


def test_an_exception_is_for_one_package_has_a_reason_and_ends() -> None:
    unsafe = [python_answer("a", UNSAFE, "")]
    assert verdict(unsafe, [EXCEPTION], TODAY)[0] == CLEAN
    assert verdict(unsafe, [{**EXCEPTION, "package": "h3"}], TODAY)[0] == FOUND
    assert verdict([], [{**EXCEPTION, "reason": ""}], TODAY)[0] == FOUND
    code, lines = verdict(unsafe, [EXCEPTION], date(2027, 1, 2))
    assert code == FOUND
    assert lines[0] == "WRONG: the exception GHSA-aaaa of jinja2 ended on 2027-01-01: look at it again"


def test_the_exceptions_that_stand_are_right_and_every_lock_is_asked_about() -> None:
    exceptions = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))["exception"]
    assert verdict([], exceptions, TODAY) == (CLEAN, [])
    assert all((ROOT / lock).is_file() for lock in LOCKS)
    locks = {path.parent for path in (ROOT / "api").rglob("package-lock.json") if "node_modules" not in path.parts}
    assert locks == {ROOT / folder for folder in WEB}
