"""A small town on one machine: visitors, kiosks, broker and centre, all real but the hardware."""
