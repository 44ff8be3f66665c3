# make demo    the whole chain on this machine, hardware simulated (ONCE=1: one round, then ends)
# make test    all tests, three at a time (JOBS=1: one after the other, easier to read)
# make test-camera   the Pi camera's driver on the real picamera2 and libcamera (needs root)
# make test-devices  drivers of USB devices on a real kernel in an emulated machine (needs root)
# make test-system   the installed units under a real systemd, in a container (needs root)
# make check   style, types, layers, dead code
# make bench   lists the benchmarks
# make fuzz    what strangers' codes may hold, guided by coverage (SECONDS=60)
# make panel   every screen of the panel as one picture
#
# Each target first installs what it lacks: Debian packages through apt (with sudo unless
# root), a virtual environment in .venv, this project in it.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/ready

# What pip packages are built against (systemd-python, pyfuse3), load (pyzbar), or the demo and the
# tests use (mosquitto, postgresql, strace, systemd's own checkers, a font and readers for passes).
PACKAGES := fonts-dejavu-core fuse3 gcc libc6-dev libfuse3-dev libsystemd-dev libzbar0 mosquitto \
	pkg-config poppler-utils postgresql python3-dev python3-venv strace systemd
# On a Pi picamera2 and libcamera come from the system, so the environment must see them.
ON_A_PI := $(wildcard /usr/lib/python3/dist-packages/picamera2)
comma := ,
EXTRAS := central,demo,test$(if $(ON_A_PI),$(comma)pi)

# Of pip's many long lines: the names of what it fetches, and what takes long after that.
SHORTLY := while read -r word name _; do case "$$word $$name" in \
	Collecting*) printf '%s ' "$${name%%[<>=!~;[(]*}" ;; \
	"Building wheels"|"Installing collected") printf '\n%s %s ...' "$$word" "$$name" ;; \
	esac; done; echo

.PHONY: demo test test-camera test-devices test-system check bench fuzz panel packages clean

demo: $(READY)
	@$(PY) -m demo $(if $(filter-out 0 no false,$(ONCE)),--once)

# Most of them wait for real daemons and brokers: more than one at a time, even on one core; those of
# integration/, which wait longest, first.
test: $(READY)
	@$(PY) -m pytest -n $(or $(JOBS),3) --dist loadfile --no-loadscope-reorder

# Brings its own Debian and Python, see there.
test-camera:
	@sh tests/camera/run.sh

test-devices:
	@sh tests/devices/run.sh

test-system: $(READY)
	@PYTHON=$(CURDIR)/$(PY) sh tests/system/run.sh

check: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest tests/test_layers.py
	$(PY) -m vulture

bench: $(READY)
	@$(PY) -m bench

# Not part of the tests: it has no end, and atheris has no wheel for every Python.
fuzz: $(READY)
	@$(PY) -m pip install --quiet --editable '.[fuzz]'
	@mkdir -p var/fuzz
	@PYTHONPATH=. $(PY) tests/fuzz/credentials.py var/fuzz -max_total_time=$(or $(SECONDS),60) -artifact_prefix=var/

panel: $(READY)
	@mkdir -p var
	@$(PY) -m kiosk.screens var/panel.png --low var/panel-low.png \
		&& echo "var/panel.png shows every screen, var/panel-low.png on a panel of half the height"

$(READY): setup.py Makefile
	@sh provisioning/packages.sh $(PACKAGES)
	@echo "setting up $(VENV) (a few minutes the first time)" >&2
	@$(PYTHON) -m venv $(if $(ON_A_PI),--system-site-packages) $(VENV) >&2
	@$(PY) -m pip install --quiet --upgrade pip setuptools wheel >&2
	@{ $(PY) -m pip install --progress-bar off --editable '.[$(EXTRAS)]' 2>&1; echo "exit $$?"; } \
		| tee $(VENV)/setup.log | { $(SHORTLY); } >&2
	@tail -n 1 $(VENV)/setup.log | grep -qx 'exit 0' \
		&& $(PY) -c 'import systemd.daemon, pyzbar.pyzbar, tinydb, paho.mqtt.client, pytest, reportlab, sqlalchemy, segno' \
		|| { tail -n 40 $(VENV)/setup.log; \
			echo "set-up failed; the lines above say why, all of them are in $(VENV)/setup.log"; \
			exit 1; } >&2
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info var
