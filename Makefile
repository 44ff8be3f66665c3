# make demo    the whole chain on this machine, hardware simulated (ONCE=1: one round, then ends)
# make test    all tests
# make test-camera   the Pi camera's driver on the real picamera2 and libcamera (needs root)
# make check   style, types, layers, dead code
# make bench   lists the benchmarks
# make panel   every screen of the panel as one picture
#
# Each target first installs what it lacks: Debian packages through apt (with sudo unless
# root), a virtual environment in .venv, this project in it.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/ready

# What pip packages are built against (systemd-python), load (pyzbar), or the demo and the
# tests use (mosquitto, postgresql, systemd's own checkers).
PACKAGES := gcc libc6-dev libsystemd-dev libzbar0 mosquitto pkg-config postgresql \
	python3-dev python3-venv systemd
# On a Pi picamera2 and libcamera come from the system, so the environment must see them.
ON_A_PI := $(wildcard /usr/lib/python3/dist-packages/picamera2)
EXTRAS := central,demo,test$(if $(ON_A_PI),$(comma)pi)
comma := ,

.PHONY: demo test test-camera check bench panel packages clean

demo: $(READY)
	@$(PY) -m demo $(if $(ONCE),--once)

test: $(READY)
	@$(PY) -m pytest

# Brings its own Debian and Python, see there.
test-camera:
	@sh tests/camera/run.sh

check: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest tests/test_layers.py
	$(PY) -m vulture

bench: $(READY)
	@$(PY) -m bench

panel: $(READY)
	@$(PY) -m kiosk.screens panel.png && echo "panel.png shows every screen"

$(READY): setup.py Makefile
	@sh provisioning/packages.sh $(PACKAGES)
	@echo "setting up $(VENV) (a few minutes the first time)" >&2
	@$(PYTHON) -m venv $(if $(ON_A_PI),--system-site-packages) $(VENV) >&2
	@$(PY) -m pip install --quiet --upgrade pip setuptools wheel >&2
	@$(PY) -m pip install --progress-bar off --editable '.[$(EXTRAS)]' 2>&1 \
		| grep --line-buffered -E '^(Collecting|Installing|Building|Successfully|ERROR|error)' >&2; true
	@$(PY) -c 'import systemd.daemon, pyzbar.pyzbar, tinydb, paho.mqtt.client' \
		|| { echo "set-up failed; the lines above say why" >&2; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info var panel.png
