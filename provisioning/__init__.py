"""The technician's side: keys, certificates, enrolment."""
