"""Schema versions of the tracing database, applied by `central.db.upgrade`."""
