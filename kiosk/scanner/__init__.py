"""Daemon 1: camera to verdict to outbox. No network."""
