"""What lies in config/deploy says the same as the Dockerfile."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_compose_file_hardens_the_container_and_checks_it_as_the_image_does() -> None:
    """Read-only root, no capabilities, no new privileges, time to stop; the same health check."""
    text = (ROOT / "config/deploy/compose.yaml").read_text(encoding="utf-8")
    service = yaml.safe_load(text)["services"]["monitor"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["stop_grace_period"] == "60s"
    assert service["user"] == "10001:10001"
    assert '", "'.join(service["healthcheck"]["test"][1:]) in dockerfile
