"""Which PostgreSQL is found, and what is said when none is."""

import os
from pathlib import Path

import pytest

from gridmap import programs
from gridmap.errors import ClusterError


def test_the_installed_postgis_is_found_with_all_its_programs() -> None:
    found = programs.server_programs()
    assert found.postgis >= programs.MINIMUM_POSTGIS
    assert found == programs.server_programs(found.major)
    assert all(os.access(found.path(name), os.X_OK) for name in ("initdb", "pg_ctl", "postgres", "psql"))


def test_nothing_is_installed_where_postgis_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "run", lambda *_, **__: pytest.fail("no program may be run for it"))
    monkeypatch.setattr(programs, "_installed", lambda: iter([programs.Programs(Path("/"), 15, (3, 3))]))
    assert programs.install_packages(lambda _: None) is False


def test_an_ordinary_user_hears_in_one_line_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_installed", lambda: iter(()))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for action in (lambda: programs.install_packages(lambda _: None), programs.server_programs):
        with pytest.raises(ClusterError, match="apt-get install postgresql-15-postgis-3") as caught:
            action()
        assert "\n" not in str(caught.value)


def test_data_of_a_version_that_is_gone_name_its_package() -> None:
    with pytest.raises(ClusterError, match="apt-get install postgresql-9-postgis-3"):
        programs.server_programs(9)


@pytest.mark.parametrize(("version", "count"), [("3.2.9", 0), ("3.3.0", 1), ("3.10.1", 1), ("4.0.0dev", 1)])
def test_an_older_postgis_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, count: int
) -> None:
    folder = tmp_path / "bin"
    extensions = tmp_path / "share" / "extension"
    folder.mkdir()
    extensions.mkdir(parents=True)
    for name in ("initdb", "pg_ctl", "postgres", "psql"):
        (folder / name).write_text("#!/bin/sh\n")
    answer = f'[ "$1" = --version ] && echo PostgreSQL 16.4 || echo "{tmp_path}/share"'
    (folder / "pg_config").write_text(f"#!/bin/sh\n{answer}\n")
    for path in folder.iterdir():
        path.chmod(0o755)
    for name in ("btree_gist", "pg_trgm"):
        (extensions / f"{name}.control").touch()
    (extensions / "postgis.control").write_text(f"comment = 'x'\ndefault_version = '{version}'\n")
    monkeypatch.setenv("PATH", str(folder))
    found = [one for one in programs._installed() if one.folder == folder]
    assert len(found) == count
    assert all(one.major == 16 for one in found)


def test_a_program_that_fails_is_quoted() -> None:
    account = programs.Account("", os.geteuid(), os.getegid(), switched=False)
    with pytest.raises(programs.ProgramError, match="sh failed with 3: lost"):
        programs.run(["/bin/sh", "-c", "echo lost >&2; exit 3"], account, cwd=Path("/"))
    with pytest.raises(programs.ProgramError, match="nothing cannot be run"):
        programs.run(["/nonexistent/nothing"], account, cwd=Path("/"))
