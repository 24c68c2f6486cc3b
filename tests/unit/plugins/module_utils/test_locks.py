# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One client of VirtualBox at a time: between processes, and never against oneself. The lock's place is the user's own."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.locks import (
    FOLDER,
    ClientLock,
    lock_path,
    open_lock,
    user_lock,
)

TAKE = """
import time
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.locks import ClientLock
try:
    with ClientLock(limit=0.3):
        print("had")
except VBoxMemoryError as error:
    print(error.code, error.message)
"""


@pytest.fixture(autouse=True)
def server_of_its_own(own_server, monkeypatch):
    monkeypatch.setenv("VBOX_IPC_SOCKETID", own_server())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def other_process(*command, **environment):
    """What another process says that takes the lock."""
    command = command or (sys.executable, "-c", TAKE)
    return subprocess.run(
        command, env=dict(os.environ, **environment), stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def test_it_can_be_taken_again_and_is_given_back_once():
    lock = ClientLock()
    with lock:
        with lock:
            pass
        assert other_process().startswith(
            "host_busy another process of this user has held the lock " + lock_path("client")
        )
    assert other_process() == "had\n"


def test_a_child_that_has_it_keeps_it_and_gives_it_back_with_us():
    lock = ClientLock()
    with lock:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor])
        assert other_process() != "had\n"
    assert other_process() == "had\n", "between two requests others get their turn"
    with lock:
        os.close(lock.descriptor)  # as when we are killed
        assert other_process() != "had\n"
        child.communicate()
        assert other_process() == "had\n"
        lock.descriptor = None


@pytest.mark.parametrize(
    "variable", ["TMPDIR", "HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "VBOX_USER_HOME", "LOGNAME"]
)
def test_sessions_exclude_each_other_whatever_their_environment(tmp_path, variable):
    with ClientLock():
        assert other_process(**{variable: str(tmp_path)}).startswith("host_busy")
        assert other_process(sys.executable, "-c", TAKE, **{variable: str(tmp_path)}).startswith("host_busy")
    assert other_process(**{variable: str(tmp_path)}) == "had\n"


def test_servers_of_their_own_need_not_wait_for_each_other(own_server):
    with ClientLock():
        assert other_process(VBOX_IPC_SOCKETID=own_server()) == "had\n"


@pytest.mark.parametrize("name", ["../../etc/x", "a b\n", "x" * 5000, "ü", "$(id)"])
def test_the_name_of_a_server_stays_in_the_folder(monkeypatch, name):
    monkeypatch.setenv("VBOX_IPC_SOCKETID", name)
    folder, file = os.path.split(lock_path("client"))
    assert folder == os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, FOLDER)
    assert len(file) < 255 and file.isascii() and file.isprintable()


def test_a_file_that_was_replaced_is_not_the_lock_any_more():
    lock = ClientLock()
    with lock:
        pass
    os.remove(lock_path("client"))
    with lock:
        assert other_process().startswith("host_busy")


def test_the_lock_of_a_purpose_is_waited_for_so_long():
    with user_lock("balloon", 1) as first, user_lock("balloon", 0.2) as second, user_lock("other", 0.2) as third:
        assert (first, second, third) == (True, False, True)
    with user_lock("balloon", 0.2) as again:
        assert again


def planted(how):
    """What somebody has put in the place of the folder or the file."""

    def plant(home):
        folder, file = os.path.split(lock_path("client", str(home)))
        how(folder, os.path.join(folder, file))

    return plant


def folder_and(act):
    def plant(folder, path):
        os.mkdir(folder, 0o700)
        act(path)

    return planted(plant)


def with_mode(path, mode):
    with open(path, "w"):
        os.chmod(path, mode)


UNSAFE = {
    "a folder that others may write to": (
        planted(lambda folder, _path: (os.mkdir(folder), os.chmod(folder, 0o777))),
        "others may write to it",
    ),
    "a link in place of the folder": (planted(lambda folder, _path: os.symlink("/tmp", folder)), "cannot be opened"),
    "a file in place of the folder": (planted(lambda folder, _path: with_mode(folder, 0o600)), "cannot be opened"),
    "a link in place of the file": (folder_and(lambda path: os.symlink("/dev/null", path)), "cannot be opened"),
    "a hanging link": (folder_and(lambda path: os.symlink("/nowhere/x", path)), "cannot be opened"),
    "a file that all may write to": (folder_and(lambda path: with_mode(path, 0o666)), "others may write to it"),
    "a pipe": (folder_and(lambda path: os.mkfifo(path, 0o600)), "it is no plain file"),
    "a folder in place of the file": (folder_and(os.mkdir), "cannot be opened"),
    "a second name of another file": (
        folder_and(lambda path: (with_mode(path + ".other", 0o600), os.link(path + ".other", path))),
        "it is no plain file",
    ),
}


@pytest.mark.parametrize("what", UNSAFE)
def test_what_is_not_the_user_s_own_alone_is_an_error(tmp_path, what):
    plant, reason = UNSAFE[what]
    plant(tmp_path)
    with pytest.raises(VBoxMemoryError, match=reason) as raised:
        open_lock("client", str(tmp_path))
    assert raised.value.code == "lock_unusable" and str(tmp_path) in raised.value.message
    assert "Nothing was changed" in raised.value.message


def test_what_belongs_to_another_user_is_an_error(tmp_path):
    os.close(open_lock("client", str(tmp_path)))
    with pytest.raises(VBoxMemoryError, match="belongs to another user"):
        open_lock("client", str(tmp_path), uid=os.geteuid() + 1)


def test_a_home_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(VBoxMemoryError, match="No such file or directory"):
        open_lock("client", str(tmp_path / "none"))
