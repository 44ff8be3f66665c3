"""A small town on one machine: visitors, kiosks, a broker and a centre, all real but the hardware."""
