"""MQTT to database: every check-in once."""
