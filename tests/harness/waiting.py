# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one place where black-box tests wait. Nothing here guesses how fast a machine is: what happens in this process is an event,
what happens in another one is asked for with a deadline that a loaded machine keeps, and what is about time itself is tried again
with more of it when the machine was too slow to see it."""
import fcntl
import os
import pathlib
import random
import select
import socket
import tempfile
import threading
import time

DEADLINE_S = 120
_changed = threading.Condition()
_n_changes = 0
_ports = []


def changed():
    """Wakes who waits: something in this process is not as it was."""
    global _n_changes
    with _changed:
        _n_changes += 1
        _changed.notify_all()


class Seen(list):
    """What other threads have seen: who waits is woken when there is more of it."""

    def append(self, item):
        super().append(item)
        changed()


class Known(dict):
    """The same for what has a name."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        changed()


def wait_for(condition, what='', deadline_s=DEADLINE_S):
    """The first true value of condition()."""
    end, pause = time.monotonic() + deadline_s, 0.002
    while True:
        seen = _n_changes
        value = condition()
        if value:
            return value
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError(f'the deadline passed: {what}')
        with _changed:
            # Another process, its admin API, its files and /proc send no event: they are looked at again, less and less often.
            _changed.wait_for(lambda: _n_changes != seen, min(pause, left))
        pause = min(pause * 1.5, 0.1)


def let_pass(seconds, since=None):
    """For what only time brings about, such as that something does not happen."""
    since = time.monotonic() if since is None else since
    threading.Event().wait(max(0, since + seconds - time.monotonic()))


class TooSlow(Exception):
    """The machine took so long that the test did not see what it is about."""


def in_time(case, attempt, *spans):
    """attempt(span) of this test case, where span is the time that it gives or takes: anew with the next larger one if it was TooSlow."""
    for span in spans[:-1]:
        try:
            return attempt(span)
        except TooSlow:
            case.doCleanups()
            case.setUp()
    return attempt(spans[-1])


def must_be_before(moment):
    if time.monotonic() >= moment:
        raise TooSlow


def wait_quiet(count, seconds, allowed=0, deadline_s=DEADLINE_S):
    """Returns when count() rose by at most `allowed` over so many seconds: whoever does something periodically never comes so far."""
    end = time.monotonic() + deadline_s
    while True:
        before = count()
        let_pass(seconds)
        rose = count() - before
        if rose <= allowed:
            return rose
        if time.monotonic() > end:
            raise AssertionError(f'never quiet: {rose} times in {seconds} s')


def read_until(descriptor, ends, deadline_s=DEADLINE_S):
    """What comes up to one of these byte strings, or to the end."""
    end, text = time.monotonic() + deadline_s, b''
    while not any(word in text for word in ends):
        readable, _, _ = select.select([descriptor], [], [], max(0, end - time.monotonic()))
        if not readable:
            raise AssertionError(f'the deadline passed, there is {text!r}')
        block = os.read(descriptor, 1)
        if not block:
            break
        text += block
    return text


def free_port():
    """A port that nobody else gets before this process ends: below those that the system hands out, and claimed by a lock among tests."""
    low = int(pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
    folder = pathlib.Path(tempfile.gettempdir()) / f'hawser-test-ports-{os.getuid()}'
    folder.mkdir(exist_ok=True)
    for _ in range(1000):
        port = random.SystemRandom().randrange(max(1024, low - 12000), low)
        claim = open(folder / str(port), 'w')
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(('127.0.0.1', port))
        except OSError:
            claim.close()
            continue
        _ports.append(claim)
        return port
    raise AssertionError('no port is free')
