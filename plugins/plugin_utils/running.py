# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the modules of this collection from an action plugin, and show how far they are while they wait for guests.

A module says nothing while it runs. So it is told to leave alone, at first, each machine for which it would have to wait for a guest; what
it left is done by a second call that runs in the background, as Ansible's own ``async``, and appends what it does to a file.

What runs in the background can be lost: its processes are killed, the host restarts, and on a busy host ``async_wrapper`` itself, which waits
for its child for 2.5 seconds, leaves one that comes later with a closed pipe, and so without a module (ansible-core 2.16 to 2.22). Ansible's job
file says "not finished" for ever then. So the file of progress also says which processes a result can come from.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.vbox.memory.plugins.plugin_utils.progress import (
    BEGINS_WITHIN,
    FIRST_LOOKS,
    INTERVAL,
    Look,
    Progress,
    is_read_by_people,
    latest,
    look,
    seen,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, merged
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

LEAVE_WAITING = {"VBOX_MEMORY_WAITING": "leave"}
PROGRESS_FILE = "VBOX_MEMORY_PROGRESS"
LONGEST = 500  # characters of what a host's Python said last
LIMIT = 30 * 86400  # seconds; a module has time limits of its own, and no job is to end without its result
UNREACHABLE_FOR = 60  # seconds without an answer after which a host is given up
NO_JOB = "could not find job"  # async_status, in every supported ansible-core
MOST_SAID = 5  # machines
ENDED = (
    "The module ended without a result: it was killed on the host, or the host restarted. What it has done until then stays."
    " Run again: only what differs is changed then."
)
OF_THE_JOB = (
    "ansible_job_id",
    "results_file",
    "started",
    "finished",
    "erased",
    "stdout",
    "stdout_lines",
    "stderr",
    "stderr_lines",
)

# The last words of a Python that is too old for what Ansible sent: what it cannot parse, or Ansible's own check
TOO_OLD = re.compile(
    "^(SyntaxError|ImportError|ModuleNotFoundError|AttributeError|TypeError): |requires a minimum of Python"
)
OF_A_CRASH = ("exception", "module_stderr", "module_stdout")


class ModuleRunner(ActionBase):
    """An action plugin that runs modules of this collection."""

    _supports_check_mode = True
    _supports_async = True

    def run_alone(self, task_vars: Mapping[str, Any]) -> Result:
        """The whole of an action that does what the module of its own name does."""
        if self._task.async_val:  # the user's own async shows that it goes on
            return self._execute_module(task_vars=task_vars, wrap_async=not self._connection.has_native_async)
        return self.run_module(self._task.action, dict(self._task.args), task_vars)

    def run_module(self, name: str, arguments: Result, task_vars: Mapping[str, Any]) -> Result:
        """Run a module, and show how far it is where it has to wait for guests.

        :returns: the result, as if it had been one call
        :raises AnsibleConnectionFailure: when the host does not answer
        """
        entries = arguments.get("machines")
        if not self._shows_progress() or not (entries is None or isinstance(entries, list)):
            return self._execute(name, arguments, task_vars)
        with self._task_with_environment(LEAVE_WAITING):
            first = self._execute(name, arguments, task_vars)
        machines = first.get("machines") or []
        positions = [position for position, machine in enumerate(machines) if machine.get("waiting")]
        if not positions:
            return first
        late = dict(arguments)
        if entries is not None:
            late["machines"] = [entries[position] for position in positions]
        names = [machines[position]["name"] for position in positions]
        return merged(first, self.run_with_progress(name, late, task_vars, names), positions)

    def run_with_progress(
        self, name: str, arguments: Result, task_vars: Mapping[str, Any], machines: list[str]
    ) -> Result:
        """Run a module that will have to wait for guests, in the background where that can be.

        :param machines: the names of the machines that are waited for; none: all of the host's
        """
        if not self._shows_progress():
            return self._execute(name, arguments, task_vars)
        try:
            path = self._progress_path()
            job = self._start(name, arguments, task_vars, path)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:  # such as files that the user to become could not read
            self._display.vvv("vbox.memory: no progress is shown, as async does not work here: %s" % error)
            job = {}
        if "ansible_job_id" not in job or "results_file" not in job:
            return self._execute(name, arguments, task_vars)
        found: Result | None = {}
        try:
            found = self._follow(job, path, task_vars, machines)
            self._execute("ansible.legacy.async_status", dict(_job(job), mode="cleanup"), task_vars)
        finally:
            if found is not None:  # a file that is claimed is there for a module that comes late
                self._low_level_execute_command("rm -f %s" % shlex.quote(path))
        return self._execute(name, arguments, task_vars) if found is None else found

    def show(self, line: str) -> None:
        """Show a line on the controller's terminal, where people read it."""
        if _is_read_by_people():
            self._display.display(line)

    def _shows_progress(self) -> bool:
        async_is_possible = not (self._connection.has_native_async or self._connection.always_pipeline_modules)
        return not self._task.check_mode and async_is_possible and _is_read_by_people()

    def _execute(self, name: str, arguments: Result, task_vars: Mapping[str, Any]) -> Result:
        result = self._execute_module(module_name=name, module_args=dict(arguments), task_vars=task_vars)
        return explained(result) if result.get("module_stderr") else result

    def _progress_path(self) -> str:
        """A file that is not there yet, in the folder of async's own files, which belongs to the user that the module runs as."""
        folder = self._remote_expand_user(self.get_shell_option("async_dir", default="~/.ansible_async"), sudoable=True)
        return self._connection._shell.join_path(folder, "vbox_memory.%s.progress" % secrets.token_hex(8))

    def _start(self, name: str, arguments: Result, task_vars: Mapping[str, Any], path: str) -> Result:
        self._task.async_val = LIMIT
        try:
            with self._task_with_environment({PROGRESS_FILE: path}):
                return self._execute_module(
                    module_name=name, module_args=dict(arguments), task_vars=task_vars, wrap_async=True
                )
        finally:
            self._task.async_val = 0

    def _follow(self, job: Result, path: str, task_vars: Mapping[str, Any], machines: list[str]) -> Result | None:
        """Show what a job writes until it ends; gives back the module's result, none where the module has not begun and will not.

        :raises AnsibleConnectionFailure: when the host has not answered for a minute
        """
        began = answered = time.monotonic()
        progress = Progress(self._inventory_name(task_vars), machines, began)
        last = Look()
        for pause in chain(FIRST_LOOKS, repeat(INTERVAL)):
            time.sleep(pause)
            claim = time.monotonic() - began > BEGINS_WITHIN
            try:
                status = self._execute("ansible.legacy.async_status", _job(job), task_vars)
                ended, gone = _has_ended(status), last.gone  # which was before that look at the job's file
                last = seen(self._low_level_execute_command(look(path, last, claim))["stdout"], last, claim)
            except AnsibleConnectionFailure:
                if time.monotonic() - answered > UNREACHABLE_FOR:
                    raise
                continue
            if ended:
                return None if status.get("not_begun") else result_of_job(status, last.text)
            if gone:
                return ended_without_result(last.text)
            if last.claimed:
                self._display.vvv(
                    "vbox.memory: no progress is shown, as async did not begin within %d s" % BEGINS_WITHIN
                )
                return None
            answered = time.monotonic()
            for line in progress.lines(last.text, answered):
                self._display.display(line)
        raise AssertionError("the looks have no end")

    def _inventory_name(self, task_vars: Mapping[str, Any]) -> str:
        return str(task_vars.get("inventory_hostname"))

    @contextmanager
    def _task_with_environment(self, variables: Mapping[str, str]) -> Iterator[None]:
        self._task.environment = [*(self._task.environment or []), variables]
        try:
            yield
        finally:
            self._task.environment = self._task.environment[:-1]


def explained(result: Result) -> Result:
    """The result of a module whose Python ended before it could give one, with its last words in the message."""
    lines = str(result["module_stderr"]).strip().splitlines() or [""]
    said = shown(lines[-1], LONGEST)
    if TOO_OLD.search(said):
        reason = (
            "Its Python is too old: this collection and ansible-core need 3.8 or later on a managed host (ansible-core 2.20 and later: 3.9)."
            " Install a newer one there, and name it with ansible_python_interpreter. It said: %s" % said
        )
        result = {key: value for key, value in result.items() if key not in OF_A_CRASH}
    else:
        reason = "%s. The host's Python said: %s" % (str(result.get("msg")).rstrip("."), said)
    return dict(result, msg=reason)


def result_of_job(found: Result, text: str = "") -> Result:
    """The result of a module that ran in the background. One that ended before it could give one has Ansible's traceback, and `cmd`, in its place.

    :param text: what it wrote of its progress
    """
    if "cmd" not in found:
        return {key: value for key, value in found.items() if key not in OF_THE_JOB}
    crash = ended_without_result(text)
    return explained(dict(crash, module_stderr=found["stderr"])) if found.get("stderr") else crash


def ended_without_result(text: str) -> Result:
    """The result of a module that ended before it could give one.

    :param text: what it wrote of its progress
    """
    said = ["machine %s: %s" % pair for pair in latest(text).items()]
    reason = ENDED + (" It said last: %s" % "; ".join(said[-MOST_SAID:]) if said else "")
    return {"failed": True, "changed": False, "msg": reason}


def _is_read_by_people() -> bool:
    # The command 'ansible' has callbacks of its own: minimal and oneline.
    ad_hoc = "module_name" in context.CLIARGS
    return not ad_hoc and is_read_by_people(C.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))


def _job(job: Result) -> Result:
    return {"jid": job["ansible_job_id"], "_async_dir": job["results_file"].rpartition("/")[0]}


def _has_ended(status: Result) -> bool:
    """Whether a job has its result, or none can be had any more; half a file is read again, as Ansible does."""
    if status.get("msg") == NO_JOB and "results_file" not in status:  # on a busy host it is made after the first looks
        return False
    return bool(status.get("finished") or (status.get("failed") and status.get("_ansible_parsed")))
