"""What an operator asks of the fleet, over the broker: `python -m central.fleet`."""
