"""A Python that has torch and timm loaded already: `[*loaded_python(), "-m", "measurement", …]` for `sys.executable`.

Loading them takes some four seconds of processor time, and dozens of tests start a program only to see how it ends. A
server loads them once in a test session. For each program it forks, and the copy takes over the arguments, the
variables, the folder and the three standard streams of the small process that asked; that one passes SIGTERM on and
ends as the copy does. Of this repository the server loads nothing: the program loads all of it by itself.

How a program starts, what it loads and what happens when it is killed is tested with a Python of its own.
"""

from __future__ import annotations

import array
import atexit
import gc
import json
import os
import select
import shlex
import shutil
import signal
import socket
import sys
from pathlib import Path

MODULES = ("torch", "timm", "torchvision", "torch_pruning", "pydantic", "pyarrow.parquet", "rich.progress", "psutil")


def loaded_python() -> list[str]:
    """The beginning of a command line, in place of `sys.executable`. The server runs as long as this process."""
    if not hasattr(os, "pidfd_open"):  # not on Linux: each program loads them by itself
        return [sys.executable]
    return [sys.executable, "-S", "-E", __file__, _address()]


def executable_in(folder: Path) -> str:
    """A file for `sys.executable`, where the command line is not the test's own."""
    path = folder / "loaded-python"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(loaded_python())} "$@"\n')
    path.chmod(0o755)
    return str(path)


def _address(started: list[str] = []) -> str:  # noqa: B006 - kept between calls
    if not started:
        import subprocess
        import tempfile

        from measurement.run.memory import NO_THREAD_CACHE, TUNABLES

        folder = tempfile.mkdtemp(prefix="loaded-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        address = f"{folder}/socket"
        # What is read when a program starts can't be given to a copy: these are of all of them.
        environment = os.environ | {"OMP_NUM_THREADS": "1", TUNABLES: NO_THREAD_CACHE}
        server = subprocess.Popen(
            [sys.executable, __file__, "serve", address, TUNABLES],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert server.stdout
        assert server.stdout.readline() == b"ready\n", "the server of loaded Pythons did not start"
        atexit.register(server.kill)
        started.append(address)
    return started[0]


def ask(address: str, arguments: list[str]) -> None:
    """Have `arguments` run as if by this process, and end as the copy ends."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    wanted = {
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "leads": os.getpgid(0) == os.getpid(),
    }
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    connection.sendall(json.dumps(wanted).encode() + b"\n")
    for stream in streams:
        os.close(stream)  # who waits for their end waits for the copy's
    signal.signal(signal.SIGTERM, lambda *_: connection.sendall(b"T"))
    answer = connection.makefile("rb").readline()
    code = int(answer)
    if code < 0:
        if -code == signal.SIGTERM:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def serve(address: str, tunables: str) -> list[str] | None:
    """Answer until standard input ends. Returns in a copy, with the arguments of its program."""
    import importlib
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in MODULES:
            importlib.import_module(module)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    gc.collect()
    gc.freeze()  # no copy looks through these, and so writes to their memory
    os.write(1, b"ready\n")
    while True:
        readable, _, _ = select.select([listener, 0], [], [])
        if 0 in readable:
            return None
        connection, _ = listener.accept()
        while _reaped():
            pass
        if os.fork() == 0:
            listener.close()
            return _attend(connection, tunables)
        connection.close()


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _attend(connection: socket.socket, tunables: str) -> list[str]:
    """Fork the copy and watch it; returns in the copy alone."""
    streams = array.array("i")
    _, given, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(3 * streams.itemsize))
    streams.frombytes(given[0][2])
    wanted = json.loads(connection.makefile("rb").readline())
    copy = os.fork()
    if copy == 0:
        connection.close()
        if wanted["leads"]:
            os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # Of the server's own start stays what is only read then.
        tunable = os.environ[tunables]
        os.environ.clear()
        os.environ.update(wanted["environment"] | {tunables: tunable})
        os.chdir(wanted["folder"])
        return list(wanted["arguments"])
    for stream in [*streams, 0, 1]:
        os.close(stream)
    _watch(connection, copy)
    os._exit(0)


def _watch(connection: socket.socket, copy: int) -> None:
    """Pass signals on until the copy has ended; who asked learns how. The copy dies with it."""
    ended = os.pidfd_open(copy)
    while True:
        readable, _, _ = select.select([connection, ended], [], [])
        if ended in readable:
            _, status = os.waitpid(copy, 0)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            return
        os.kill(copy, signal.SIGTERM if connection.recv(1) else signal.SIGKILL)


def code_of(program: list[str]) -> int:
    """The exit status of what `run` does. Taking apart all that the server loaded takes longer than most programs."""
    import threading
    import traceback

    code: object = None
    try:
        run(program)
    except SystemExit as end:
        code = end.code
    except BaseException:  # what Python itself would print
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as Python does: it waits for threads that are no daemons
    atexit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0) & 0xFF


def run(arguments: list[str]) -> None:
    """What Python does with `-m module …`, `-I -m module …`, `-c program …` or `file.py …`."""
    import runpy

    del sys.path[0]
    if arguments[0] == "-I":  # neither this folder nor what PYTHONPATH names
        arguments = arguments[1:]
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if not arguments[0].startswith("-"):
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
        runpy.run_path(arguments[0], run_name="__main__")
        return
    sys.path.insert(0, "" if arguments[0] == "-c" else str(Path.cwd()))
    kind, what, *rest = arguments
    if kind == "-m":
        sys.argv = [what, *rest]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        import types

        module = sys.modules["__main__"] = types.ModuleType("__main__")
        sys.argv = [kind, *rest]
        exec(compile(what, "<string>", "exec"), module.__dict__)  # noqa: S102 - the test's own


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        program = serve(*sys.argv[2:])
        if program is not None:
            os._exit(code_of(program))
    else:
        ask(sys.argv[1], sys.argv[2:])
