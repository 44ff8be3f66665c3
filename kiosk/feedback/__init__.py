"""Daemon 2: the panel, the lamp and the buzzer."""
