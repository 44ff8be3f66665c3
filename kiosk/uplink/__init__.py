"""Daemon 3: the one MQTT session; outbox to centre."""
