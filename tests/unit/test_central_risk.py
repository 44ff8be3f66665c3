"""The centre's side of the risk list: keys and lists in files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from central.risk import load_key, main
from kiosk.credentials.risk import RiskList, key_id


def test_a_list_is_made_of_two_files_and_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, out = tmp_path / "risk.key", tmp_path / "risk.list"
    main(["new-key", str(key)])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    (tmp_path / "q").write_text("vn-id:001093029317\n\n  name:NGUYEN<VAN<ANH:1987-01-18 \r\n")
    (tmp_path / "f").write_text("passport:C1234567")
    files = [f"--quarantine={tmp_path}/q", f"--follow-up={tmp_path}/f", f"--key={key}"]
    main(["build", *files, f"--out={out}"])
    made, keys = RiskList(out.read_bytes()), {key_id(load_key(key)): load_key(key)}
    assert len(made) == 3
    assert made.check("name:NGUYEN<VAN<ANH:1987-01-18", keys) == "quarantine"
    assert made.check("passport:C1234567", keys) == "follow-up"
    said = capsys.readouterr().out
    assert key_id(load_key(key)) in said
    assert load_key(key).hex() not in said


def test_refusals_quote_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "risk.key"
    main(["new-key", str(key)])
    before = key.read_bytes()
    (tmp_path / "bad").write_bytes(b"vn-id:001093029317 \xff")
    (tmp_path / "good").write_bytes(b"")
    build = ["build", f"--quarantine={tmp_path}/bad", f"--follow-up={tmp_path}/good"]
    capsys.readouterr()
    for command in (
        ["new-key", str(key)],
        [*build, f"--key={key}", f"--out={tmp_path}/o"],
        [*build, f"--key={tmp_path}/none", f"--out={tmp_path}/o"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(command)
        assert caught.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "not UTF-8 text at byte 19" in said.err
    assert "001093029317" not in said.err
    assert key.read_bytes() == before
