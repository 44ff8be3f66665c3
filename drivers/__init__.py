"""Hardware and its simulation. Knows nothing of the kiosk; one file per kind of device."""
