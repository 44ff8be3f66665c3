"""Carries out what the fleet commands: the one part of a kiosk that runs as root.

It is started by the uplink's first word to its socket, checks each command by itself,
whatever the uplink says, and ends when there is nothing left to do.
"""
