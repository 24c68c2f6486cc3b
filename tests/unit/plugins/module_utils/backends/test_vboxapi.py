# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands the bindings carry out, and as what; and what becomes of work that a child does not do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.backends import process, vboxapi_pool
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi import VBoxApiBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import WorkerPool, response_in
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

BUILD = str(Path(vboxapi_pool.__file__).resolve().parents[6])


def test_a_child_that_does_not_answer_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 0.2)
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(VBoxMemoryError) as raised:
        assert WorkerPool([str(silent), "/never/tried"]).version
    assert raised.value.code == "vboxmanage_timeout"
    process = int(re.search(r"process (\d+)", raised.value.message).group(1))
    os.kill(process, signal.SIGTERM)  # it was there


def test_a_child_that_reads_no_more_is_left_alone(bindings, monkeypatch):
    pool = bindings()
    monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 0.2)
    stopped = pool._first._process.pid
    os.kill(stopped, signal.SIGSTOP)
    try:
        with pytest.raises(VBoxMemoryError) as raised:
            pool.call("read", {"names": ["x" * 1_000_000]})  # more than a pipe holds
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert raised.value.code == "vboxmanage_timeout"


def test_a_request_of_any_size_arrives_whole(bindings):
    names = ["x" * 1_000_000]
    assert bindings().call("read", {"names": names})["names"] == names


OLD_PYTHON = """#!/bin/sh
# What this Python says of itself, with the text of -c as a program.
shift
exec {python} -c 'import sys; sys.version_info = (3, 6, 15, "final", 0); exec(compile(sys.argv[1], "-c", "exec"))' "$@"
"""


def test_a_python_that_is_too_old_says_so(tmp_path):
    old = tmp_path / "python"
    old.write_text(OLD_PYTHON.format(python=sys.executable))
    old.chmod(0o755)
    with pytest.raises(VBoxMemoryError) as raised:
        assert WorkerPool([str(old)]).version
    assert raised.value.code == "backend_unavailable"
    assert (
        f"{old} ended unexpectedly (status 1: Python 3.7 or newer is needed, and this is 3.6)" in raised.value.message
    )


UUID = "0a1b2c3d-0000-0000-0000-000000000001"
# What a worker says of a stopped machine.
MACHINE = {
    "uuid": UUID,
    "name": "web01",
    "state": "poweroff",
    "memory": 1024,
    "balloon_default": 64,
    "page_fusion": False,
    "large_pages": None,
    "os_type": "Debian_64",
    "os_description": "Debian (64-bit)",
    "groups": ["/"],
}
LIVE_MACHINE = dict(MACHINE, state="running", balloon_current=100, additions_run_level=2, frontend="headless")

# Two processes that answer `read` with their request and who they are, the first one slowly. What they do first is in the file `does`.
STAND_IN = """#!%s
import json, os, sys, time
from pathlib import Path
MACHINE = %r
folder, who = Path(__file__).parent, None
for earlier, line in enumerate(sys.stdin):
    request = json.loads(line)
    if not who:
        who = "second" if (folder / "greeted").exists() else "first"
        (folder / "greeted").touch()
    time.sleep(0.1 if who == "first" else 0)
    exec(json.loads((folder / "does").read_text()).get(who, {}).get(request["method"], ""))
    if "answered" not in request:
        print(json.dumps({"id": request["id"], "result": dict(request["params"], version="7.2.22", who=who, earlier=earlier)}), flush=True)
"""
REFUSES = 'print(json.dumps({"id": request["id"], "error": {"message": "No", "code": "0x80070057"}}), flush=True); request.update(answered=True)'
REQUESTS = [{"number": number} for number in range(6)]


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A function that gives the path of :data:`STAND_IN`, which does what it is given first."""
    monkeypatch.setattr(vboxapi_pool, "PROCESSES", 2)
    monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 60)

    def make(**does):
        python = tmp_path / "python"
        python.write_text(STAND_IN % (sys.executable, MACHINE))
        python.chmod(0o755)
        (tmp_path / "does").write_text(json.dumps(does))
        return str(python)

    return make


@pytest.fixture
def bindings(stand_in):
    opened = []

    def make(**does):
        opened.append(WorkerPool([stand_in(**does)], machines=vboxapi_pool.MANY))
        assert opened[-1].version == "7.2.22"
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_two_processes_share_the_work(bindings):
    # The first one has its second request until the other one has had one, however late that starts.
    waits = "while request['params']['number'] and not (folder / 'begun').exists(): time.sleep(0.01)"
    answers = bindings(first={"read": waits}, second={"read": "(folder / 'begun').touch()"}).share("read", REQUESTS)
    assert [answer["number"] for answer in answers] == list(range(6))
    assert answers[0]["who"] == "first" and {"first", "second"} == {answer["who"] for answer in answers}


@pytest.mark.parametrize(
    "does",
    [
        {"hello": "sys.exit(1)"},
        {"hello": REFUSES},
        {"hello": "time.sleep(60)"},
        {"hello": "print('Hello', flush=True)"},
        {"read": "sys.exit(1)"},
        {"read": REFUSES},
        {"read": "time.sleep(60)"},
        {"read": "print('{}', flush=True)"},
        {"read": "print(json.dumps({'id': request['id'] + 1, 'result': {}}), flush=True)"},
        {"read": "print(json.dumps({'id': request['id'], 'result': {}, 'error': {'message': 'No'}}), flush=True)"},
    ],
)
def test_the_first_process_does_what_the_second_one_does_not(bindings, monkeypatch, does):
    both = bindings(second=does)
    if "time.sleep(60)" in does.values():
        monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 3)
    answers = both.share("read", REQUESTS)
    assert [(answer["number"], answer["who"]) for answer in answers] == [(number, "first") for number in range(6)]
    assert sorted(answer["earlier"] for answer in answers) == list(range(1, 7)), "nothing was done twice"


def test_no_answer_is_taken_for_that_to_another_request(bindings):
    both = bindings(
        first={"read": f"if request['params'].get('refused'):\n    {REFUSES}"}, second={"read": "time.sleep(0.5)"}
    )
    with pytest.raises(VBoxMemoryError) as raised:
        both.share("read", [{"number": number, "refused": True} for number in range(10, 16)])
    assert raised.value.code == "change_refused"
    assert [answer["number"] for answer in both.share("read", REQUESTS)] == list(range(6))


@pytest.mark.parametrize("number, code", [("0x80070005", None), ("0x80070057", "change_refused")])
def test_a_search_in_parts_is_made_anew_after_what_passes(stand_in, number, code):
    refuses = REFUSES.replace("0x80070057", number)
    finds = 'print(json.dumps({"id": request["id"], "result": [[{"machine": dict(MACHINE, name=one)}] for one in request["params"]["names"]]}), flush=True)'
    does = {
        "find": f"if 'search' in request['params']:\n    {refuses}\nelse:\n    {finds}; request.update(answered=True)"
    }
    wanted = ["machine%d" % each for each in range(vboxapi_pool.MANY)]
    with VBoxApiBackend(
        types.SimpleNamespace(version="7.2.22"), stand_in(first=does, second=does), vboxapi_pool.MANY
    ) as backend:
        if code:
            with pytest.raises(VBoxMemoryError) as raised:
                backend.find(wanted)
            assert raised.value.code == code
        else:
            assert [machine.name for machine in backend.find(wanted)] == wanted


ANSWERS = 'print(json.dumps({"id": request["id"], "result": %r}), flush=True); request.update(answered=True)'


def backend_that_answers(stand_in, **results):
    """A backend whose worker gives these results, by method."""
    does = {method: ANSWERS % (result,) for method, result in results.items()}
    return VBoxApiBackend(types.SimpleNamespace(version="7.2.22"), stand_in(first=does))


@pytest.mark.parametrize("fields", [MACHINE, LIVE_MACHINE])
def test_a_machine_of_the_known_form(stand_in, fields):
    with backend_that_answers(stand_in, read=[{"machine": fields}]) as backend:
        assert {key: getattr(backend.read(UUID), key) for key in fields} == fields


def without(fields, *keys):
    return {key: value for key, value in fields.items() if key not in keys}


# What is no answer to the request: the method of a worker, and its result.
WRONG = {
    "a machine with one field more": ("read", [{"machine": dict(MACHINE, size=1)}]),
    "a machine with one field less": ("read", [{"machine": without(MACHINE, "large_pages")}]),
    "a machine without details": ("read", [{"machine": without(MACHINE, "groups", "os_type", "os_description")}]),
    "a running machine without a request": ("read", [{"machine": without(LIVE_MACHINE, "balloon_current")}]),
    "a stopped machine with a request": ("read", [{"machine": dict(LIVE_MACHINE, state="poweroff")}]),
    "memory as a text": ("read", [{"machine": dict(MACHINE, memory="1024")}]),
    "memory as a fraction": ("read", [{"machine": dict(MACHINE, memory=1024.0)}]),
    "memory as a boolean": ("read", [{"machine": dict(MACHINE, memory=True)}]),
    "memory below nothing": ("read", [{"machine": dict(MACHINE, memory=-1)}]),
    "memory beyond 32 bits": ("read", [{"machine": dict(MACHINE, memory=2**32)}]),
    "Page Fusion as a number": ("read", [{"machine": dict(MACHINE, page_fusion=0)}]),
    "a name that is none": ("read", [{"machine": dict(MACHINE, name=None)}]),
    "groups that are a text": ("read", [{"machine": dict(MACHINE, groups="/")}]),
    "groups that are numbers": ("read", [{"machine": dict(MACHINE, groups=[1])}]),
    "another machine": ("read", [{"machine": dict(MACHINE, uuid=UUID[:-1] + "2")}]),
    "another machine that cannot be read": ("read", [{"inaccessible": UUID[:-1] + "2", "reason": "", "code": None}]),
    "something else that cannot be read": ("read", [{"inaccessible": [UUID], "reason": "", "code": None}]),
    "a list for a machine": ("read", [[MACHINE]]),
    "two machines for one": ("read", [{"machine": MACHINE}, {"machine": MACHINE}]),
    "no machine": ("read", []),
    "nothing": ("read", None),
    "a number": ("read", 5),
    "two kinds of entry": ("read", [{"machine": MACHINE, "error": {"message": "No"}}]),
    "an error that is a text": ("read", [{"error": "No"}]),
    "an error without a message": ("read", [{"error": {"code": "0x80070057"}}]),
    "an error whose code is a number": ("read", [{"error": {"message": "No", "code": 5}}]),
    "an error that is of no known kind": ("read", [{"error": {"message": "No", "code": "0x1"}}]),
    "UUIDs that are none": ("list", ["x"]),
    "UUIDs that are numbers": ("list", [1]),
    "UUIDs that are a dictionary": ("list", {UUID: 1}),
    "a machine that was not asked for": ("find", [[{"machine": dict(MACHINE, name="web02")}]]),
    "too few names": ("find", []),
    "a machine in place of a list": ("find", [{"machine": MACHINE}]),
    "metrics that are a list": ("query_metrics", [5]),
    "metrics that nobody asked for": ("query_metrics", {"CPU": 5}),
    "metrics in words": ("query_metrics", {"RAM/Usage/Used": "5"}),
    "metrics of many that are a dictionary": ("query_each", {"RAM/Usage/Used": 5}),
    "metrics of too few": ("query_each", []),
    "metrics of many that nobody asked for": ("query_each", [{"CPU": 5}]),
    "a period in words": ("metrics_period", "1"),
    "a period that is a boolean": ("metrics_period", True),
    "a settings file that is none": ("settings_file", None),
    "a version that is none": ("hello", {"version": 7}),
    "no version": ("hello", ["7.2.22"]),
}
ASKS = {
    "read": lambda backend: backend.read(UUID),
    "list": lambda backend: backend.read_all(),
    "find": lambda backend: backend.find(["web01"]),
    "query_metrics": lambda backend: backend.query_metrics("host", ["RAM/Usage/Used"]),
    "query_each": lambda backend: backend.query_each({"host": ["RAM/Usage/Used"]}, {}),
    "metrics_period": lambda backend: backend.metrics_period(UUID),
    "settings_file": lambda backend: backend.settings_file(UUID),
    "hello": lambda backend: backend.version,
}


@pytest.mark.parametrize(("method", "result"), WRONG.values(), ids=WRONG.keys())
def test_what_is_no_answer_makes_the_bindings_unusable(stand_in, method, result):
    with pytest.raises(VBoxMemoryError) as raised, backend_that_answers(stand_in, **{method: result}) as backend:
        ASKS[method](backend)
    assert raised.value.code == "backend_unavailable" and len(raised.value.message) < 700


NO_RESPONSE = {
    "another id": json.dumps({"id": 99, "result": []}),
    "no id": json.dumps({"result": []}),
    "an id that is a boolean": '{"id": true, "result": []}',
    "neither a result nor an error": '{"id": %d}',
    "both": '{"id": %d, "result": [], "error": {"message": "No"}}',
    "a list": "[1]",
    "a number of 5000 digits": '{"id": %d, "result": ' + "9" * 5000 + "}",
    "brackets without an end": "[" * 100000,
    "no UTF-8": "\udcff",
}


@pytest.mark.parametrize("line", NO_RESPONSE.values(), ids=NO_RESPONSE.keys())
def test_a_line_that_is_no_response(line):
    text = (line % 7 if "%d" in line else line).encode("utf-8", "surrogateescape")
    response = response_in(text, 7 if "true" not in line else 1)
    assert response is None or (sys.version_info < (3, 11) and "9999" in line)


def test_one_response_too_many_belongs_to_no_request(bindings):
    twice = 'print(json.dumps({"id": request["id"], "result": {"earlier": 1}}), flush=True)'
    pool = bindings(first={"read": twice, "list": ""}, second={"hello": "sys.exit(1)"})
    pool.call("read", {})
    with pytest.raises(VBoxMemoryError, match="no response to request"):
        pool.call("list", {})


def test_a_worker_that_says_much_before_it_ends_is_quoted_in_short(stand_in):
    does = "sys.stderr.write('x' * 20_000_000); sys.exit(3)"
    with pytest.raises(VBoxMemoryError) as raised:
        assert WorkerPool([stand_in(first={"hello": does})]).version
    assert "status 3: xxx" in raised.value.message and len(raised.value.message) < 1000


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.ISO-8859-1"])
def test_a_worker_starts_in_any_locale(tmp_path, locale):
    """Its text goes as an argument, and holds what these cannot spell."""
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n[ $# -ge 2 ] && printf '%s' \"$2\" | iconv -f ascii -t utf-8 >/dev/null && echo as it should be >&2\n"
    )
    python.chmod(0o755)
    code = "from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import *; WorkerPool([sys.argv[1]]).version"
    environment = dict(
        os.environ, LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONPATH=BUILD, PYTHONIOENCODING="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(python)], env=environment, capture_output=True, text=True, check=False
    )
    assert "ended unexpectedly (status 0: as it should be)" in done.stderr, done.stderr


def test_whatever_happens_at_the_start_of_a_worker_there_is_the_other_backend(monkeypatch):
    def refuse(*_arguments, **_options):
        raise RuntimeError("nothing is as it was")

    monkeypatch.setattr(vboxapi_pool.subprocess, "Popen", refuse)
    with pytest.raises(VBoxMemoryError, match="RuntimeError: nothing is as it was") as raised:
        assert WorkerPool([sys.executable]).version
    assert raised.value.code == "backend_unavailable"


CONNECTING = {
    # what the bindings say: our code, whether it is tried again
    "a settings file that is empty": (
        "0x80004005",
        "Document is empty. Location: '/x/VirtualBox.xml', line 1 (0)",
        False,
    ),
    "no server": ("0x80004005", "Operation failed (NS_ERROR_FAILURE)", True),
    "no socket": ("0xc1f30200", "IPC daemon socket error (NS_ERROR_SOCKET_FAIL)", True),
    "a server that ends": ("0x80470007", "Stream operation would block (NS_BASE_STREAM_WOULD_BLOCK)", True),
}


@pytest.mark.parametrize(("number", "words", "again"), CONNECTING.values(), ids=CONNECTING.keys())
def test_a_server_that_cannot_be_reached(stand_in, monkeypatch, number, words, again):
    monkeypatch.setattr(process, "RETRY_DELAYS", (0.001,) * 2)
    says = 'print(json.dumps({"id": request["id"], "error": {"message": %r, "code": %r}}), flush=True)'
    does = {"hello": (says % (words, number)) + "; open(folder / 'tries', 'a').write('.'); sys.exit(1)"}
    python = stand_in(first=does, second=does)
    with pytest.raises(VBoxMemoryError) as raised:
        assert WorkerPool([python]).version
    assert raised.value.code == "server_unavailable" and words in raised.value.message
    assert raised.value.transient is again and ("cannot start" in raised.value.message) is not again
    assert len((Path(python).parent / "tries").read_text()) == (3 if again else 1)
