"""The server side: from MQTT to the contact-tracing database."""
