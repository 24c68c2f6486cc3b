# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How VBoxManage is found and run. Small programs stand in for it; what it says is in tests/cases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ansible_collections.vbox.memory.plugins.module_utils import errors
from ansible_collections.vbox.memory.plugins.module_utils.backends import process, vboxmanage_cli
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage import VBoxManageBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import (
    VBoxManage,
    find_executable,
    is_of_a_package,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import CODES, VBoxMemoryError, error_from_result_code
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import command_line

LOCKED = (
    "VBoxManage: error: The machine 'web01' is already locked for a session (or being unlocked)\n"
    "VBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap, interface IMachine, callee nsISupports\n"
)
NO_SERVER = (
    "VBoxManage: error: Failed to create the VirtualBox object!\n"
    "VBoxManage: error: Code NS_ERROR_FAILURE (0x80004005) - Operation failed (extended info not available)\n"
)
# Of 7.2.22: an empty VirtualBox.xml, and a settings folder that is root's.
EMPTY_XML = (
    "VBoxManage: error: Failed to create the VirtualBox object!\n"
    "VBoxManage: error: Document is empty.\n"
    "VBoxManage: error: Location: '/h/VirtualBox.xml', line 1 (0), column 1.\n"
    "VBoxManage: error: /b/VirtualBoxImpl.cpp[865] (nsresult VirtualBox::init())\n"
    "VBoxManage: error: Details: code NS_ERROR_FAILURE (0x80004005), component VirtualBoxWrap, interface IVirtualBox\n"
)
NO_SOCKET = (
    "VBoxManage: error: Failed to create the VirtualBox object!\n"
    "VBoxManage: error: Code NS_ERROR_SOCKET_FAIL (0xC1F30200) - IPC daemon socket error (extended info not available)\n"
    "VBoxManage: error: Most likely, the VirtualBox COM server is not running or failed to start.\n"
)
FAILURES = [
    # exit status, standard error: our code, VirtualBox's, words of the message
    (1, LOCKED, "machine_locked", "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)", "already locked"),
    (
        1,
        LOCKED.replace("is already locked", "ist gesperrt"),
        "machine_locked",
        "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)",
        "ist gesperrt",
    ),
    (
        1,
        LOCKED.replace("0x80bb0007", "0x80BB0007"),
        "machine_locked",
        "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)",
        "already locked",
    ),
    (1, NO_SERVER, "server_unavailable", "NS_ERROR_FAILURE (0x80004005)", "Failed to create the VirtualBox object!"),
    (
        1,
        NO_SERVER + "interface I: Details, interface IMachine",
        "vboxmanage_failed",
        "NS_ERROR_FAILURE (0x80004005)",
        "Failed to create",
    ),
    (
        1,
        LOCKED.replace("0x80bb0007", "0x80bb0001"),
        "machine_not_found",
        "VBOX_E_INVALID_OBJECT_STATE (0x80bb0001)",
        "",
    ),
    (
        1,
        LOCKED.replace("0x80bb0007", "0x80bb0002"),
        "state_blocks_change",
        "VBOX_E_INVALID_OBJECT_STATE (0x80bb0002)",
        "",
    ),
    (
        1,
        LOCKED.replace("0x80bb0007", "0x80004001"),
        "not_supported_by_host",
        "VBOX_E_INVALID_OBJECT_STATE (0x80004001)",
        "",
    ),
    (1, LOCKED.replace("0x80bb0007", "0x80070057"), "change_refused", "VBOX_E_INVALID_OBJECT_STATE (0x80070057)", ""),
    (
        1,
        LOCKED.replace("0x80bb0007", "0x80001234"),
        "vboxmanage_failed",
        "VBOX_E_INVALID_OBJECT_STATE (0x80001234)",
        "already locked",
    ),
    (1, EMPTY_XML, "server_unavailable", "NS_ERROR_FAILURE (0x80004005)", "cannot start: correct what it names"),
    (
        1,
        EMPTY_XML,
        "server_unavailable",
        "NS_ERROR_FAILURE (0x80004005)",
        "Document is empty. Location: '/h/VirtualBox.xml', line 1",
    ),
    (1, NO_SOCKET, "server_unavailable", "NS_ERROR_SOCKET_FAIL (0xc1f30200)", "IPC daemon socket error"),
    (
        1,
        NO_SOCKET.replace("NS_ERROR_SOCKET_FAIL (0xC1F30200)", "NS_BASE_STREAM_WOULD_BLOCK (0x80470007)"),
        "server_unavailable",
        "NS_BASE_STREAM_WOULD_BLOCK (0x80470007)",
        "Most likely, the VirtualBox COM server is not running",
    ),
    (
        1,
        LOCKED.replace("web01'", "two\nVBoxManage: error: lines'"),
        "machine_locked",
        "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)",
        "'two lines' is",
    ),
    (2, "VBoxManage: error: Unknown option: --x\n", "vboxmanage_failed", None, "Unknown option: --x"),
    (7, "", "vboxmanage_failed", None, "exit status 7"),
    (1, "\udcff\udcfe", "vboxmanage_failed", None, "exit status 1"),
]
ODD_ARGUMENTS = ["ünïcødé-虚拟", "-dash", 'quo"te', "two\nlines", "$(id)", "back\\slash", "", " ", "'", "a=b;c"]


@pytest.fixture
def stand_in(tmp_path):
    """A function that makes a program from Python source, in a folder of its own, and gives its path."""

    def make(source, name="VBoxManage"):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{source}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(process, "RETRY_DELAYS", (0.001,) * 6)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Folders `path` and `install` to look in, and only these."""
    for name in ("path", "install", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(vboxmanage_cli, "INSTALL_FOLDERS", (str(tmp_path / "install"),))
    monkeypatch.setattr(
        vboxmanage_cli, "WRAPPERS", (str(tmp_path / "share" / "VBox.sh"), str(tmp_path / "path" / "VBox"))
    )
    return tmp_path


def program(path, mode=0o755):
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return str(path)


# -- found ---------------------------------------------------------------------------------------------------------------


def test_the_path_comes_before_the_install_folders(places):
    installed = program(places / "install" / "VBoxManage")
    assert find_executable() == installed
    on_path = program(places / "path" / "VBoxManage")
    assert find_executable() == on_path


@pytest.mark.parametrize("wrapper", ["share/VBox.sh", "path/VBox"])  # of Debian's package, and of Oracle's
def test_the_program_is_taken_from_behind_the_packages_wrapper(places, wrapper):
    (places / "share").mkdir()
    program(places / wrapper)
    on_path = places / "path" / "VBoxManage"
    on_path.symlink_to(places / wrapper)
    assert find_executable() == str(on_path)  # there is nothing behind it
    installed = program(places / "install" / "VBoxManage")
    assert find_executable() == installed
    assert find_executable(str(on_path)) == find_executable("VBoxManage") == str(on_path)  # by its name it is meant


@pytest.mark.parametrize("own", ["other/VBox.sh", "other/VBox"])
def test_a_program_that_is_only_called_like_the_wrapper_is_the_one_that_is_meant(places, own):
    program(places / own)
    on_path = places / "path" / "VBoxManage"
    on_path.symlink_to(places / own)
    program(places / "install" / "VBoxManage")
    assert find_executable() == str(on_path) and not is_of_a_package(str(on_path))


def test_what_is_of_a_package(places):
    (places / "share").mkdir()
    installed = places / "install" / "VBoxManage"
    installed.write_bytes(b"\x7fELF")
    linked = places / "other" / "VBoxManage"
    linked.symlink_to(installed)
    wrapper = program(places / "share" / "VBox.sh")
    assert is_of_a_package(str(installed)) and is_of_a_package(str(linked)) and is_of_a_package(wrapper)
    assert not is_of_a_package(program(places / "path" / "VBoxManage"))
    installed.write_bytes(b"#!/bin/sh\n")  # the administrator's own in its place, as dpkg-divert allows
    assert not is_of_a_package(str(installed)) and not is_of_a_package(str(linked))


def test_what_cannot_be_run_is_passed_over(places):
    program(places / "path" / "VBoxManage", mode=0o644)
    installed = program(places / "install" / "VBoxManage")
    assert find_executable() == installed
    (places / "install" / "VBoxManage").unlink()
    (places / "install" / "VBoxManage").mkdir()
    with pytest.raises(VBoxMemoryError, match="on the path and in"):
        find_executable()


def test_a_wanted_path_is_the_only_one(places, monkeypatch):
    program(places / "path" / "VBoxManage")
    wanted = program(places / "other" / "mine")
    assert find_executable(wanted) == wanted
    monkeypatch.setenv("HOME", str(places))
    assert find_executable("~/other/mine") == wanted
    with pytest.raises(VBoxMemoryError) as caught:
        find_executable(str(places / "nosuch"))
    assert caught.value.code == "vboxmanage_not_found"
    assert str(places / "nosuch") in caught.value.message and "vboxmanage" in caught.value.message


def test_a_wanted_name_is_looked_for(places):
    program(places / "path" / "VBoxManage")
    wanted = program(places / "install" / "vbox72")
    assert find_executable("vbox72") == wanted


@pytest.mark.parametrize("path", ["", ":", "/nosuch"])
def test_no_path_and_no_program(places, monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    monkeypatch.chdir(places / "path")
    program(places / "path" / "VBoxManage")  # not here: an empty entry of the path is no place to look
    with pytest.raises(VBoxMemoryError) as caught:
        find_executable()
    assert caught.value.code == "vboxmanage_not_found"


# -- run -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.UTF-8", "nosuch"])
def test_arguments_and_output_pass_exactly(stand_in, monkeypatch, locale):
    monkeypatch.setenv("LC_ALL", locale)
    tell = stand_in(
        "import json; sys.stdout.buffer.write(json.dumps([os.fsencode(word).decode() for word in sys.argv[1:]], ensure_ascii=False).encode())"
    )
    assert json.loads(VBoxManage(tell).run(*ODD_ARGUMENTS)) == ODD_ARGUMENTS


def test_output_that_is_no_utf_8_is_text_all_the_same(stand_in):
    assert VBoxManage(stand_in(r"sys.stdout.buffer.write(b'a\xff\x00b')")).run("list", "vms") == "a\ufffd\x00b"


def test_standard_input_is_empty(stand_in):
    assert VBoxManage(stand_in("print(repr(sys.stdin.read()))")).run() == "''\n"


def test_it_speaks_utf_8_whatever_the_user_has_set(stand_in, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    assert VBoxManage(stand_in("print(os.environ['LC_ALL'], os.environ['LANG'])")).run().split() in (
        ["C.UTF-8"] * 2,
        ["en_US.UTF-8"] * 2,
    )


@pytest.mark.parametrize(
    ("status", "stderr", "code", "vbox_code", "words"),
    FAILURES,
    ids=[f"{row[2]} {number}" for number, row in enumerate(FAILURES)],
)
def test_failures_are_told_by_their_codes(stand_in, impatient, status, stderr, code, vbox_code, words):
    source = f"sys.stdout.write('said'); sys.stderr.buffer.write({os.fsencode(stderr)!r}); sys.exit({status})"
    with pytest.raises(VBoxMemoryError) as caught:
        VBoxManage(stand_in(source)).run("modifyvm", "two words")
    result = caught.value.as_result()
    assert (result["code"], result["vbox_code"], result["rc"], result["stdout"]) == (code, vbox_code, status, "said")
    assert result["msg"].endswith("[%s]" % vbox_code) is bool(vbox_code), result["msg"]
    assert words in result["msg"]
    assert result["command"] == "VBoxManage modifyvm 'two words'"


@pytest.mark.parametrize(
    ("stderr", "tries"), [(LOCKED, 7), (NO_SERVER, 7), (NO_SOCKET, 7), (EMPTY_XML, 1), ("VBoxManage: error: no\n", 1)]
)
def test_what_passes_is_tried_again_a_bounded_number_of_times(stand_in, impatient, tmp_path, stderr, tries):
    count = tmp_path / "count"
    fails = stand_in(f"open({str(count)!r}, 'a').write('.'); sys.stderr.write({stderr!r}); sys.exit(1)")
    with pytest.raises(VBoxMemoryError):
        VBoxManage(fails).run("modifyvm")
    assert len(count.read_text()) == tries


def test_reads_come_back_in_order_each_with_its_own_error_at_the_first_try(stand_in, tmp_path):
    marks = tmp_path / "marks"
    mixed = VBoxManage(
        stand_in(
            f"open({str(marks)!r}, 'a').write('.'); number = int(sys.argv[1]); print(number); sys.exit(number % 5 == 4)"
        )
    )
    for count in (3, 45):
        marks.write_text("")
        results = mixed.run_each([(str(number),) for number in range(count)])
        assert [getattr(result, "code", result) for result in results] == [
            "vboxmanage_failed" if number % 5 == 4 else f"{number}\n" for number in range(count)
        ]
        assert len(marks.read_text()) == count


def test_no_more_reads_than_wanted_run_at_a_time(stand_in, tmp_path, monkeypatch):
    monkeypatch.setattr(vboxmanage_cli, "SIDE_BY_SIDE", 2)
    met = tmp_path / "met"  # once two have met, nobody waits for another one
    source = f"""
import os, time
def there():
    return len([name for name in os.listdir({str(tmp_path)!r}) if name.startswith("at.")])
mine = os.path.join({str(tmp_path)!r}, "at." + sys.argv[1])
open(mine, "w").close()
until = time.monotonic() + 60
while there() < 2 and not os.path.exists({str(met)!r}) and time.monotonic() < until: time.sleep(0.01)
open({str(met)!r}, "w").close()
time.sleep(0.02)
print(there())
os.unlink(mine)
"""
    together = [
        int(result) for result in VBoxManage(stand_in(source)).run_each([(str(number),) for number in range(30)])
    ]
    assert max(together) == 2
    few = [int(result) for result in VBoxManage(stand_in(source)).run_each([(str(number),) for number in range(5)])]
    assert set(few) == {1}


def test_pauses_grow_and_are_bounded():
    assert list(errors.RETRY_DELAYS) == sorted(errors.RETRY_DELAYS)
    assert sum(errors.RETRY_DELAYS) < 10


def test_every_failure_has_a_known_code():
    for number in (*errors.RESULT_CODES, None, "0x12345678"):
        assert error_from_result_code("words", number).code in CODES
    assert {code for _name, code in errors.RESULT_CODES.values()} <= set(CODES)


@pytest.mark.parametrize("arguments", [("list", "vms"), tuple(ODD_ARGUMENTS)])
def test_a_command_line_can_be_typed(arguments):
    typed = command_line(arguments)
    told = subprocess.run(
        ["bash", "-c", 'VBoxManage() { printf "%s\\0" "$@"; }; ' + typed], check=True, capture_output=True, text=True
    ).stdout
    assert told == "".join(word + "\0" for word in arguments)


def test_a_long_reason_is_quoted_in_short(stand_in):
    says = stand_in("sys.stderr.write('VBoxManage: error: ' + 'x' * 10**6); sys.exit(1)")
    with pytest.raises(VBoxMemoryError) as caught:
        VBoxManage(says).run("list", "vms")
    assert len(caught.value.message) < 1200 and len(caught.value.details["stderr"]) <= 2000


# -- what cannot be run, or is not whole ---------------------------------------------------------------------------------


def refusal(executable, *arguments):
    with pytest.raises(VBoxMemoryError) as caught:
        VBoxManage(executable).run(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo 7.2.22\n", "Exec format error"), ("#!/nosuch/interpreter\n", "No such file"), ("", "Exec format error")],
    ids=["no first line", "no interpreter", "empty"],
)
def test_a_program_that_cannot_be_started(tmp_path, text, words):
    (tmp_path / "VBoxManage").write_text(text)
    (tmp_path / "VBoxManage").chmod(0o755)
    error = refusal(str(tmp_path / "VBoxManage"), "list", "vms")
    assert error.code == "vboxmanage_failed" and words in error.message and str(tmp_path) in error.message


def test_arguments_that_no_program_can_get(stand_in):
    assert refusal(stand_in(""), "a\x00b").code == "vboxmanage_failed"


def test_no_temporary_folder_is_needed(stand_in, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nosuch"))
    assert VBoxManage(stand_in("print('said')")).run() == "said\n"


def test_where_files_in_memory_are_not_to_be_had_a_temporary_folder_is(stand_in, monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert VBoxManage(stand_in("print('said')")).run() == "said\n"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nosuch"))
    error = refusal(stand_in("print('said')"))
    assert error.code == "vboxmanage_failed" and "nosuch" in error.message and "temporary files" in error.message


def test_output_that_found_no_room_is_an_error(stand_in, monkeypatch):
    """/dev/full is a disk that is full: the program does not notice."""
    monkeypatch.setattr(process, "scratch_file", lambda: open("/dev/full", "r+b", buffering=0))
    monkeypatch.setattr(vboxmanage_cli, "scratch_file", process.scratch_file)
    error = refusal(stand_in("try: os.write(1, b'said')\nexcept OSError: pass"), "list", "vms")
    assert error.code == "vboxmanage_failed" and "No space left" in error.message


def test_no_file_descriptors_left(stand_in):
    """All of them are taken, and one after the other is given back: at each, the answer is there or a typed error."""
    code = """
import os, resource, sys
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import VBoxManage
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import WorkerPool
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
taken = []
try:
    while True: taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
codes = []
while taken:
    for try_it in (lambda: VBoxManage(sys.argv[1]).run(), lambda: WorkerPool([sys.argv[1]]).version):
        try: codes.append(try_it().strip())
        except VBoxMemoryError as error: codes.append(error.code)
    os.close(taken.pop())
    if len(taken) < 30: break
print(*codes)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, stand_in("print('said')")],
        env=dict(os.environ, PYTHONPATH=BUILD),
        capture_output=True,
        text=True,
        check=False,
    )
    codes = done.stdout.split()
    assert codes[:2] == ["lock_unusable", "lock_unusable"], done.stderr  # the lock is what is opened first
    assert codes[-2:] == ["said", "backend_unavailable"], done.stderr
    assert set(codes) == {"lock_unusable", "vboxmanage_failed", "backend_unavailable", "said"}


def test_many_file_descriptors_do_no_harm(stand_in):
    code = """
import os, resource, sys
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import VBoxManage
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
taken = [os.open("/dev/null", os.O_RDONLY) for _each in range(1500)]
print(VBoxManage(sys.argv[1]).run())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, stand_in("print('said')")],
        env=dict(os.environ, PYTHONPATH=BUILD),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "said\n\n", done.stderr


def test_no_threads_left(stand_in, monkeypatch):
    monkeypatch.setattr(vboxmanage_cli, "SIDE_BY_SIDE", 2)

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    calls = [(str(number),) for number in range(25)]
    assert VBoxManage(stand_in("print(sys.argv[1])")).run_each(calls) == [f"{number}\n" for number in range(25)]


@pytest.mark.parametrize("printed", ["", "Hello", "7.2", "7.2.22\n7.1.0", "\u0667.2.22", "7.2." + "2" * 5000])
def test_what_does_not_say_its_version_is_no_vboxmanage(stand_in, printed):
    program = stand_in(f"sys.stdout.buffer.write({printed.encode()!r})")
    with pytest.raises(VBoxMemoryError) as caught:
        assert VBoxManage(program).version
    assert caught.value.code == "vboxmanage_unreadable" and program in caught.value.message
    with pytest.raises(VBoxMemoryError):  # no host without machines
        VBoxManageBackend("/bin/true").read_all()


@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
def test_paths_are_the_same_in_every_locale(tmp_path, stand_in, locale):
    folder = tmp_path / "Müller ☃"
    folder.mkdir()
    stand_in("print('said')", name="Müller ☃/VBoxManage")
    (folder / "a.vbox").write_text('<VirtualBox><Machine OSType="Debian_64"><Hardware/></Machine></VirtualBox>')
    code = f"""
import sys
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import VBoxManage
from ansible_collections.vbox.memory.plugins.module_utils.backends.settings_file import read_settings_file
print(sys.getfilesystemencoding(), read_settings_file({ascii(str(folder / "a.vbox"))})["os_type"], VBoxManage({ascii(str(folder / "VBoxManage"))}).run())
"""
    environment = dict(os.environ, LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONPATH=BUILD)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split()[1:] == ["Debian_64", "said"] and "utf-8" not in done.stdout, done.stdout + done.stderr


# -- never killed --------------------------------------------------------------------------------------------------------

RUN = (
    "import sys; from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import VBoxManage;"
    " print(VBoxManage(sys.argv[1]).run(*sys.argv[2:]))"
)
BUILD = str(Path(errors.__file__).resolve().parents[5])


def start(executable, *arguments, **options):
    environment = dict(os.environ, PYTHONPATH=BUILD)
    return subprocess.Popen(
        [sys.executable, "-c", RUN, executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def until(condition, seconds=100):
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it has not come"
        time.sleep(0.01)


def kill_us(process):
    process.send_signal(signal.SIGKILL)


def hang_up(process):
    os.killpg(process.pid, signal.SIGHUP)


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("end", [kill_us, hang_up, interrupt])
def test_it_outlives_us(stand_in, tmp_path, end):
    begun, go, done = (tmp_path / name for name in ("begun", "go", "done"))
    slow = stand_in(
        f"open({str(begun)!r}, 'w')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        f"print('x' * 100000, flush=True)\nopen({str(done)!r}, 'w')"
    )
    us = start(slow, start_new_session=True)
    until(begun.exists)
    end(us)
    us.communicate(timeout=100)
    go.touch()
    until(done.exists)


def test_one_that_hangs_is_reported_and_left_alive(stand_in, tmp_path, monkeypatch):
    go, done = tmp_path / "go", tmp_path / "done"
    monkeypatch.setattr(vboxmanage_cli, "TIME_LIMIT", 0.3)
    slow = stand_in(f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\nopen({str(done)!r}, 'w')")
    with pytest.raises(VBoxMemoryError) as caught:
        VBoxManage(slow).run("modifyvm", "x")
    assert caught.value.code == "vboxmanage_timeout"
    assert "left running (process " in caught.value.message
    assert caught.value.details["command"] == "VBoxManage modifyvm x"
    pid = int(caught.value.message.split("(process ")[1].split(")")[0])
    os.kill(pid, 0)
    go.touch()
    until(done.exists)
    os.waitpid(pid, 0)


# -- one at a time -------------------------------------------------------------------------------------------------------


def test_two_processes_never_run_it_side_by_side(stand_in, tmp_path):
    inside = tmp_path / "inside"
    alone = stand_in(
        f"try: os.mkdir({str(inside)!r})\nexcept FileExistsError: sys.exit('not alone')\n"
        f"time.sleep(0.05)\nos.rmdir({str(inside)!r})"
    )
    processes = [start(alone) for _process in range(3)]
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
