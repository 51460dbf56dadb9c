"""What the watch serves over HTTP: health, readiness, metrics. Imported only where it is on."""
