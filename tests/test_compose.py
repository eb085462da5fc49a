"""docker-compose.yml, as far as it can be checked without a container engine."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
COMPOSE = CHECKOUT / "docker-compose.yml"
SECRETS = {"GRIDMAP_DB_PASSWORD", "GRIDMAP_DB_OWNER_PASSWORD", "GRIDMAP_DB_SUPERUSER_PASSWORD"}

Document = dict[str, Any]


def document() -> Document:
    return yaml.safe_load(COMPOSE.read_text())


def check_schema(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_keeps_to_the_compose_specification() -> None:
    checked = check_schema(COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda broken: broken["services"]["db"].update(imagge="postgis/postgis:16-3.4"),
        lambda broken: broken["services"]["gridmap"].update(ports="127.0.0.1:8000:8000"),
        lambda broken: broken["services"]["gridmap"]["depends_on"]["db"].update(condition="healthy"),
        lambda broken: broken.update(service={}),
    ],
    ids=["unknown key", "ports no list", "unknown condition", "unknown section"],
)
def test_the_specification_refuses_a_broken_copy(tmp_path: Path, damage: Callable[[Document], None]) -> None:
    broken = document()
    damage(broken)
    path = tmp_path / "docker-compose.yml"
    path.write_text(yaml.safe_dump(broken))
    checked = check_schema(path)
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "Schema validation errors" in checked.stdout + checked.stderr


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in document()["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8000:8000"]


def test_nginx_stands_before_the_server_with_the_configuration_that_is_tested() -> None:
    described = document()
    front, server = described["services"]["nginx"], described["services"]["gridmap"]
    assert "ports" not in server
    assert front["depends_on"] == {"gridmap": {"condition": "service_healthy"}}
    (mounted,) = front["configs"]
    assert mounted["target"] == "/etc/nginx/nginx.conf"
    configuration = (CHECKOUT / described["configs"][mounted["source"]]["file"]).read_text(encoding="utf-8")
    assert f"server gridmap:{server['environment']['GRIDMAP_PORT']};" in configuration
    assert f"listen {front['ports'][0].rpartition(':')[2]};" in configuration
    (cached,) = front["volumes"]
    assert f"proxy_cache_path {cached.partition(':')[2]}/" in configuration


def test_passwords_come_from_outside_and_have_no_default() -> None:
    text = "\n".join(line for line in COMPOSE.read_text().splitlines() if not line.lstrip().startswith("#"))
    filled_in = re.findall(r"(?<!\$)\$\{(\w+)(:\?)?", text)
    assert {name for name, _ in filled_in} == SECRETS
    assert all(required == ":?" for _, required in filled_in)


def test_the_server_waits_for_the_database_and_does_not_run_as_superuser() -> None:
    services = document()["services"]
    server, migrating, database = services["gridmap"], services["migrate"], services["db"]
    assert server["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }
    assert migrating["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert "test" in database["healthcheck"]
    user = re.match(r"postgresql\+psycopg2://(\w+):", server["environment"]["GRIDMAP_DATABASE_URL"])
    assert user is not None
    assert user[1] != database["environment"]["POSTGRES_USER"]
    assert f"CREATE ROLE {user[1]} LOGIN" in document()["configs"]["roles"]["content"]


def test_the_server_runs_as_another_role_than_the_owner_whose_password_it_never_learns() -> None:
    services = document()["services"]
    server, migrating = services["gridmap"]["environment"], services["migrate"]["environment"]
    assert "//gridmap_app:" in server["GRIDMAP_DATABASE_URL"]
    assert not any("OWNER" in f"{name}{value}" for name, value in server.items())
    assert "//gridmap_owner:${GRIDMAP_DB_OWNER_PASSWORD" in migrating["GRIDMAP_OWNER_DATABASE_URL"]
    assert "//gridmap_app@" in migrating["GRIDMAP_DATABASE_URL"]
    roles = document()["configs"]["roles"]["content"]
    for role in ("gridmap_owner", "gridmap_app"):
        assert re.search(rf"CREATE ROLE {role} LOGIN PASSWORD \S+ NOSUPERUSER .*NOBYPASSRLS;", roles)


def test_a_server_open_to_its_network_says_that_the_network_is_trusted() -> None:
    environment = document()["services"]["gridmap"]["environment"]
    assert (environment["GRIDMAP_HOST"], environment["GRIDMAP_TRUSTED_NETWORK"]) == ("0.0.0.0", "yes")


def test_images_are_pinned() -> None:
    images = [service["image"] for service in document()["services"].values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) == 4
    assert all(re.search(r":\d+[\w.]*-\w", image) for image in images), images


def test_the_image_leaves_nothing_out_that_the_build_copies() -> None:
    ignored = (CHECKOUT / ".dockerignore").read_text().split()
    needed = {"requirements.lock", "pyproject.toml", "README.md", "LICENSE", "gridmap", "api", "tiles", "data"}
    assert not needed & set(ignored)
    assert {".git", ".venv", ".env"} <= set(ignored)
