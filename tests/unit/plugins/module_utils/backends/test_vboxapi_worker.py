# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the child does with the bindings where no sandbox can show it: machines that run, and other releases. The bindings are a stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.backends import vboxapi_worker
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_worker import (
    STATES,
    NotRunning,
    Requests,
    as_error,
)

UUID = "0a1b2c3d-0000-0000-0000-000000000001"


class ComError(Exception):
    def __init__(self, number, msg):
        super().__init__(msg)
        self.errno, self.msg = number - 2**32, msg


class Bindings:
    """`vboxapi`, with one machine. What is done to it is in `log`."""

    version = "7.2.22_Debian"

    def __init__(self, machine, states=tuple(STATES)):
        self.log, self.machines = machine.log, [machine]
        self.constants = types.SimpleNamespace(
            LockType_Write="write", LockType_Shared="shared", HWVirtExPropertyType_LargePages="large pages"
        )
        for number, name in enumerate(states):
            setattr(self.constants, "MachineState_" + name, number)

    def VirtualBoxManager(self, *_arguments):
        return self

    def getVirtualBox(self):
        return self

    def getArray(self, thing, name):
        return getattr(thing, name)

    def getSessionObject(self):
        return Session(self)

    def findMachine(self, uuid):
        if uuid != UUID:
            raise ComError(0x80BB0001, "Could not find a registered machine")
        return self.machines[0]

    def getGuestOSType(self, name):
        return types.SimpleNamespace(description="Description of " + name)


class Logged:
    """An object that logs what is set."""

    def __init__(self, log, label, **values):
        self.__dict__.update(values, log=log, label=label)

    def __setattr__(self, name, value):
        self.__dict__[name] = value
        self.log.append(f"{self.label}.{name} = {value}")


class Machine(Logged):
    """A machine; in a session, `memoryBalloonSize` is another figure."""

    def __init__(self, state="Running", **values):
        fields = dict(
            id=UUID,
            name="web01",
            state=list(STATES).index(state),
            OSTypeId="Debian_64",
            groups=["/"],
            memorySize=1024,
            memoryBalloonSize=100,
            pageFusionEnabled=False,
            sessionName="headless",
            accessible=True,
            requested=300,
            stops=False,
            fails=None,
        )
        super().__init__([], "machine", **dict(fields, **values))

    def lockMachine(self, session, kind):
        self.log.append(f"lock {kind}")
        if self.stops:
            self.__dict__["state"] = list(STATES).index("PoweredOff")
        session.open(self)

    def getHWVirtExProperty(self, name):
        return 1


class Session:
    def __init__(self, bindings):
        self.bindings = bindings

    def open(self, machine):
        log = machine.log
        self.machine = Logged(
            log,
            "settings",
            memoryBalloonSize=machine.requested,
            name=machine.name,
            saveSettings=self.save,
            discardSettings=lambda: log.append("discard"),
        )
        self.guest = Logged(log, "guest", additionsRunLevel=2)
        self.console = None if machine.stops or not machine.sessionName else types.SimpleNamespace(guest=self.guest)

    def save(self):
        machine = self.bindings.machines[0]
        machine.log.append("save")
        if machine.fails:
            raise machine.fails

    def unlockMachine(self):
        self.bindings.log.append("unlock")


@pytest.fixture
def requests(monkeypatch):
    def make(machine, **others):
        monkeypatch.setitem(sys.modules, "vboxapi", Bindings(machine, **others))
        made = Requests()
        assert made.hello() == {"version": "7.2.22_Debian"}
        return made

    return make


def test_a_running_machine_has_two_balloons(requests):
    machine = Machine()
    fields = requests(machine).read([UUID])[0]["machine"]
    assert fields == dict(
        uuid=UUID,
        name="web01",
        state="running",
        os_description="Description of Debian_64",
        groups=["/"],
        memory=1024,
        balloon_default=100,
        balloon_current=300,
        page_fusion=False,
        large_pages=True,
        additions_run_level=2,
        frontend="headless",
        os_type="Debian_64",
    )
    assert machine.log == ["lock shared", "unlock"]


@pytest.mark.parametrize("state", [state for state in STATES if state not in ("Running", "Paused")])
def test_a_machine_that_does_not_run_is_read_without_a_session(requests, state):
    machine = Machine(state)
    fields = requests(machine).read([UUID])[0]["machine"]
    assert (fields["state"], fields.get("balloon_current"), fields.get("frontend"), machine.log) == (
        STATES[state],
        None,
        None,
        [],
    )


@pytest.mark.parametrize("times", [0, 1])
def test_a_console_that_is_gone_at_the_next_question_is_no_traceback(requests, monkeypatch, times):
    """VirtualBox's server was killed in the middle of a round: the console that had been there was none, and the words were Python's."""
    left = [types.SimpleNamespace(guest=Logged([], "guest", additionsRunLevel=2))] * times

    class Ending(Session):
        console = property(lambda _self: left.pop() if left else None, lambda _self, _value: None)

    monkeypatch.setitem(globals(), "Session", Ending)
    (entry,) = requests(Machine()).read([UUID])
    assert "NoneType" not in json.dumps(entry), entry
    assert "is not currently running" in json.dumps(entry) if not times else "machine" in entry, entry


def test_a_machine_that_stops_meanwhile(requests):
    machine = Machine(stops=True)
    fields = requests(machine).read([UUID])[0]["machine"]
    assert (fields["state"], fields["balloon_default"], fields.get("balloon_current")) == ("poweroff", 100, None)
    assert machine.log == ["lock shared", "unlock"]


def test_only_some_machines_are_live(requests):
    assert requests(Machine("Paused")).list(states=["running", "paused"]) == [UUID]
    assert requests(Machine("Saved")).list(states=["running", "paused"]) == []


def test_the_guest_is_asked_for_a_balloon(requests):
    machine = Machine("Paused")
    requests(machine).balloon(UUID, 256)
    assert machine.log == ["lock shared", "guest.memoryBalloonSize = 256", "unlock"]


def test_a_stopped_machine_is_not_even_locked_for_a_balloon(requests):
    machine = Machine("PoweredOff")
    with pytest.raises(NotRunning, match=f"^Machine '{UUID}' is not currently running.$"):
        requests(machine).balloon(UUID, 256)
    assert machine.log == []


def test_the_default_of_a_running_machine_changes_and_its_guest_hears_nothing(requests):
    machine = Machine()
    requests(machine).live_default(UUID, 200)
    assert machine.log == [
        "lock shared",
        "settings.memoryBalloonSize = 200",
        "save",
        "settings.memoryBalloonSize = 300",
        "unlock",
    ]


def test_the_request_stands_though_the_default_cannot_be_saved(requests):
    machine = Machine(fails=ComError(0x80004005, "No space"))
    with pytest.raises(ComError):
        requests(machine).live_default(UUID, 200)
    assert machine.log[-2:] == ["settings.memoryBalloonSize = 300", "unlock"]


def test_settings_are_saved_together(requests):
    machine = Machine("PoweredOff")
    requests(machine).modify(UUID, {"balloon_default": 64, "page_fusion": True})
    assert machine.log == [
        "lock write",
        "settings.memoryBalloonSize = 64",
        "settings.pageFusionEnabled = True",
        "save",
        "unlock",
    ]


def test_settings_that_cannot_be_saved_are_given_up(requests):
    machine = Machine("PoweredOff", fails=ComError(0x80070057, "No"))
    with pytest.raises(ComError):
        requests(machine).modify(UUID, {"balloon_default": 64})
    assert machine.log == ["lock write", "settings.memoryBalloonSize = 64", "save", "discard", "unlock"]


def test_a_release_with_platforms(requests):
    x86 = types.SimpleNamespace(getHWVirtExProperty=lambda name: 0)
    assert requests(Machine(platform=types.SimpleNamespace(x86=x86))).read([UUID])[0]["machine"]["large_pages"] is False


def test_a_machine_of_another_platform_has_no_large_pages(requests):
    class Arm:
        @property
        def x86(self):
            raise ComError(0x80BB0012, "x86-specific platform settings are not available on this platform")

    assert requests(Machine(platform=Arm())).read([UUID])[0]["machine"]["large_pages"] is None


def test_a_release_that_lacks_states_numbers_them_otherwise(requests):
    known = ["Null"] + [state for state in STATES if state != "AbortedSaved"]
    machine = Machine("PoweredOff")
    machine.__dict__["state"] = known.index("Running")
    assert requests(machine, states=known).read([UUID])[0]["machine"]["state"] == "running"
    machine.__dict__["state"] = 99
    assert requests(machine, states=known).read([UUID])[0]["machine"]["state"] == "unknown"


def test_a_machine_that_cannot_be_read(requests):
    class Away(Machine):
        @property
        def name(self):
            raise ComError(0x80070005, "The object functionality is limited")

        @name.setter
        def name(self, value):
            pass

    why = types.SimpleNamespace(text="It is gone", resultCode=-2147467259)
    away = {"inaccessible": UUID, "reason": "It is gone", "code": "0x80004005"}
    assert requests(Away(accessible=False, accessError=why)).read([UUID]) == [away]
    assert requests(Away(accessible=False)).read([UUID]) == [{"inaccessible": UUID, "reason": "", "code": None}]
    assert requests(Away(accessible=False)).find(["web01"]) == [[]]
    assert requests(Away()).read([UUID]) == [
        {"error": {"message": "The object functionality is limited", "code": "0x80070005"}, "uuid": UUID}
    ]


def test_a_uuid_that_is_not_there(requests):
    other = UUID[:-1] + "2"
    assert requests(Machine()).find([other, "web02"]) == [[], []]
    assert requests(Machine()).read([other])[0]["error"]["code"] == "0x80bb0001"


def test_parts_of_the_machines_are_all_of_them(requests):
    class Counting(Machine):
        @property
        def name(self):
            self.log.append("name")
            return "web01"

        @name.setter
        def name(self, value):
            pass

    machine = Counting("PoweredOff")
    made = requests(machine)
    found = [made.find(["web01", UUID, "web02"], search=1, part=part, parts=2) for part in (0, 1)]
    assert [[len(entries) for entries in one] for one in found] == [
        [1, 0, 0],
        [0, 1, 0],
    ]  # it is the first machine, and its UUID is odd
    assert machine.log == ["name"] * 2, (
        "the names are read once, and a machine that was found by its UUID is asked for its own"
    )


def test_details_are_not_asked_for_where_nobody_wants_them(requests):
    machine = Machine("PoweredOff")
    del machine.__dict__["OSTypeId"], machine.__dict__["groups"]
    fields = requests(machine).find(["web01"], details=False)[0][0]["machine"]
    assert fields == dict(
        uuid=UUID, name="web01", state="poweroff", memory=1024, balloon_default=100, page_fusion=False, large_pages=True
    )


def test_errors_as_the_parent_takes_them():
    assert as_error(ComError(0x80BB0007, "locked\nmore")) == {"message": "locked more", "code": "0x80bb0007"}
    assert (
        len(as_error(ComError(0x80BB0007, "x" * 10**6))["message"])
        == len(as_error(ValueError("x" * 10**6))["message"])
        == 2000
    )
    assert as_error(ValueError("odd")) == {"message": "ValueError: odd"}
    assert as_error(OSError(2, "No such file"))["message"].startswith("FileNotFoundError")


def test_a_machine_that_runs_and_cannot_be_asked_is_an_error_of_its_own(requests):
    assert requests(Machine(sessionName="")).read([UUID]) == [
        {"error": {"message": f"Machine '{UUID}' is not currently running."}, "uuid": UUID}
    ]


def test_each_response_has_the_id_of_its_request(monkeypatch, tmp_path):
    """The whole program, as `python -c` runs it, with bindings that are not there."""
    program = Path(vboxapi_worker.__file__).read_text(encoding="utf-8")
    lines = [{"id": 7, "method": "hello", "params": {}}, {"id": 8, "method": "nothing", "params": {}}]
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        input="".join(json.dumps(line) + "\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
    )
    responses = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in responses] == [7, 8]
    assert responses[0]["error"]["message"].startswith("ModuleNotFoundError")


def test_metrics_of_many_are_asked_for_together(requests):
    """The host, a machine, and one that is gone; what else goes wrong is an error."""
    asked = []

    class Collector:
        def queryMetricsData(self, names, objects):
            asked.append((names, len(objects)))
            if names == ["worse"]:
                raise ComError(0x80070057, "No")
            found = names[0].split(",")
            return ([7] * len(found), found, [], [], [], [], list(range(len(found))), [1] * len(found))

    handler = requests(Machine())
    handler._vbox.performanceCollector, handler._vbox.host = Collector(), "the host"
    gone = UUID[:-1] + "9"
    assert handler.query_each([[None, ["a", "b"]], [UUID, ["c"]], [gone, ["c"]]]) == [{"a": 7, "b": 7}, {"c": 7}, {}]
    assert asked == [(["a,b"], 1), (["c"], 1)]
    with pytest.raises(ComError):
        handler.query_each([[None, ["worse"]]])
