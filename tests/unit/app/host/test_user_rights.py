"""What this user may do."""

from pathlib import Path

from app.host.user_rights import UserRights, groups_of, vfio_rules


def test_groups_of_the_file_and_of_the_process(tmp_path: Path) -> None:
    own = UserRights.read()
    file = tmp_path / "group"
    file.write_text(f"kvm:x:36:bob,{own.name}\nrender:x:105:bob\ndamaged\nx:y:z:{own.name}:more\n")
    rights = UserRights.read(file)
    assert rights.listed_groups == {"kvm"}
    assert rights.groups == own.groups != frozenset()
    assert list(groups_of("bo", file.read_text())) == []


def test_udev_rules_about_vfio(tmp_path: Path) -> None:
    first, second = tmp_path / "etc", tmp_path / "lib"
    for folder in (first, second):
        folder.mkdir()
    (first / "10-a.rules").write_text('# SUBSYSTEM=="vfio", GROUP="kvm"\nSUBSYSTEM=="vfio", SYMLINK+="x"\n')
    (first / "20-b.rules").write_text('SUBSYSTEM=="vfio", GROUP="kvm", MODE="0660"\n')
    (second / "50-udev-default.rules").write_text('SUBSYSTEM=="misc", KERNEL=="vfio", MODE="0666"\n')
    (second / "60-c.rules").write_text('SUBSYSTEM=="vfio-dev", TAG+="uaccess"\n')
    (tmp_path / "link").symlink_to(second)
    folders = (first, second, tmp_path / "link", tmp_path / "none")
    assert vfio_rules(folders) == [first / "20-b.rules", second / "60-c.rules"]
