"""Reads what a code says and who signed it. Pure: no clock, no disk, no hardware."""
