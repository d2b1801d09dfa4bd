"""One version, in every place that tells it."""

import re
import xml.etree.ElementTree
from pathlib import Path

import app
from app.diagnosis.host.user_findings import _RULES

ROOT = Path(__file__).parents[2]


def test_program_changelog_metainfo_and_debian_package_tell_one_version_and_one_day() -> None:
    # A section of changes that are not released yet may stand first.
    version, day = re.findall(r"^## \[(\d[^]]*)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    metainfo = xml.etree.ElementTree.parse(ROOT / "packaging/desktop/io.github.mdevview.mdevview.metainfo.xml")
    release = metainfo.getroot().findall("releases/release")[0]
    assert (release.get("version"), release.get("date")) == (version, day)
    of_debian = (ROOT / "packaging/deb/changelog").read_text().splitlines()[0]
    assert re.match(rf"mdevview \({re.escape(version)}-\d+\) ", of_debian)
    assert app.__version__ == version
    pictures = [each.text or "" for each in metainfo.getroot().iterfind("screenshots/screenshot/image")]
    assert pictures
    for each in pictures:
        _, tag, path = each.partition(f"/v{version}/")
        assert tag and (ROOT / path).is_file(), each


def test_example_of_a_udev_rule_is_what_doctor_proposes() -> None:
    lines = (ROOT / "packaging/deb/70-vfio-kvm.rules").read_text().splitlines()
    assert tuple(each for each in lines if not each.startswith("#")) == _RULES
