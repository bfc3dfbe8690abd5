#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the spool's process, and damages its files, at seeded places.

test_spool_crash.py PROGRAM kill [--rounds N] [--seed S]
    SIGKILL at a random moment, again and again on one store: no message that was confirmed and not acknowledged is
    missing, order holds, and nothing whose acknowledgement was confirmed comes again.
test_spool_crash.py PROGRAM damage [--rounds N] [--seed S]
    One flipped bit, or one cut, at a random place of a random file of a killed store: never a crash, nothing lost
    that is not reported, and one flipped bit never costs more than one message.
test_spool_crash.py PROGRAM refuse
    A store in use, one of a newer version and a foreign file are refused and left as they are.
The seed is printed; the same seed kills after the same line and damages the same place.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

SUFFIXES = ("", "-wal", "-mark")


class Expected:
    """What was promised so far, by what the writers printed."""

    def __init__(self):
        self.confirmed = {}     # (queue index, position) -> number
        self.gone = set()       # (queue index, position)
        self.asked = set()      # may have left, by an acknowledgement that was under way at the kill

    def take(self, line, queues):
        words = line.split()
        if words[0] == "a":
            for q in range(2):
                if int(words[1]) >> q & 1:
                    self.confirmed[(q, int(words[2]))] = int(words[3])
        elif words[0] == "k":
            self.gone.add((queues.index(int(words[1])), int(words[2])))


def write_and_kill(program, path, seed, first, n_lines, sync):
    """Runs the writer, kills it after its n-th line, returns every whole line it printed."""
    writer = subprocess.Popen([program, "write", path, str(seed), str(first), str(sync)], stdout=subprocess.PIPE)
    lines = []
    for line in writer.stdout:
        lines.append(line)
        if len(lines) == n_lines:
            writer.send_signal(signal.SIGKILL)
    writer.wait()
    if writer.returncode != -signal.SIGKILL:
        raise SystemExit("writer ended by itself (%s): %r" % (writer.returncode, lines[-3:]))
    return [line.decode().rstrip("\n") for line in lines if line.endswith(b"\n")]


class Found:
    def __init__(self, program, path):
        done = subprocess.run([program, "read", path], stdout=subprocess.PIPE, timeout=120)
        self.code = done.returncode
        self.lines = done.stdout.decode(errors="replace").splitlines()
        self.problems = [line for line in self.lines if line.startswith("p ")]
        self.queues = []
        self.messages = {}
        self.ordered = True
        last = {}
        if self.lines and self.lines[-1].startswith("end "):
            self.queues = [int(word) for word in self.lines[-1].split()[1:3]]
        for line in self.lines:
            if line.startswith("m "):
                _, queue, position, number = line.split()
                q = self.queues.index(int(queue))
                self.ordered &= int(position) > last.get(q, (0, -1))[0] and int(number) > last.get(q, (0, -1))[1]
                last[q] = (int(position), int(number))
                self.messages[(q, int(position))] = int(number)


def fail(text, *details):
    print("FAIL", text)
    for detail in details:
        print("    ", detail)
    raise SystemExit(1)


def verify(expected, found, where):
    if found.code != 0:
        fail("%s: reader ended with %d" % (where, found.code), *found.lines[-5:])
    if found.problems:
        fail("%s: problems after a kill" % where, *found.problems[:5])
    if not found.ordered:
        fail("%s: order broken" % where)
    missing = [key for key in expected.confirmed if key not in expected.gone and key not in found.messages]
    # an acknowledgement that was asked for and not confirmed may or may not hold
    missing = [key for key in missing if key not in expected.asked]
    if missing:
        fail("%s: %d confirmed messages are missing" % (where, len(missing)), missing[:10])
    back = [key for key in expected.gone if key in found.messages]
    if back:
        fail("%s: %d acknowledged messages came again" % (where, len(back)), back[:10])
    wrong = [key for key, number in expected.confirmed.items() if found.messages.get(key, number) != number]
    if wrong:
        fail("%s: %d messages changed" % (where, len(wrong)), wrong[:10])


def kill(program, folder, rounds, seed):
    dice = random.Random(seed)
    path = os.path.join(folder, "spool.db")
    expected = Expected()
    queues = [1, 2]
    n_confirmed = n_gone = first = 0
    for number in range(rounds):
        sync = number % 3
        # the writer keeps no memory of earlier rounds, so what it acknowledges is of this round only
        lines = write_and_kill(program, path, seed + number, first, dice.randint(1, 3000), sync)
        for line in lines:
            expected.take(line, queues)
        first += 1000000
        found = Found(program, path)
        expected.asked = get_asked(lines)
        verify(expected, found, "round %d (seed %d)" % (number, seed))
        n_confirmed += sum(1 for line in lines if line.startswith("a "))
        n_gone += sum(1 for line in lines if line.startswith("k "))
        expected.gone |= {key for key in expected.asked if key not in found.messages}
    print("ok: %d rounds, %d messages confirmed, %d acknowledgements confirmed, none lost, none back" % (rounds, n_confirmed, n_gone))


def get_asked(lines):
    """What the writer may have acknowledged without having said so: it says what it asks for before it asks."""
    asked = set()
    for line in lines:
        words = line.split()
        if words[0] == "q":
            asked.add((int(words[1]), int(words[2])))
    return asked


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def damage(program, folder, rounds, seed):
    dice = random.Random(seed)
    whole = os.path.join(folder, "whole.db")
    promised = Expected()
    for line in write_and_kill(program, whole, seed, 0, 6000, 0):
        promised.take(line, [1, 2])
    reference_path = os.path.join(folder, "reference.db")
    copy_store(whole, reference_path)
    reference = Found(program, reference_path)
    if reference.code != 0 or reference.problems:
        fail("the undamaged store is not sound", *reference.lines[:5])
    counts = {"unnoticed, nothing lost": 0, "noticed, nothing lost": 0, "noticed, one lost": 0, "noticed, more lost (cut)": 0, "refused": 0}
    # half of the rounds with everything folded into the file, half with the log
    for number in range(rounds):
        path = os.path.join(folder, "r%d" % number, "spool.db")
        os.mkdir(os.path.dirname(path))
        copy_store(reference_path if number % 2 else whole, path)
        files = [path + suffix for suffix in SUFFIXES if os.path.exists(path + suffix) and os.path.getsize(path + suffix) > 0]
        sizes = [os.path.getsize(name) for name in files]
        name = dice.choices(files, [max(size, max(sizes) // 20) for size in sizes])[0]
        offset = dice.randrange(os.path.getsize(name))
        is_cut = number % 5 == 4
        if dice.random() < 0.2:
            offset = min(offset % 120, os.path.getsize(name) - 1)       # heads are small, and matter most
        if is_cut:
            os.truncate(name, 0 if dice.random() < 0.3 else offset)
        else:
            flip(name, offset, dice.randrange(8))
        what = "%s of %s at %d of %d" % ("cut" if is_cut else "flip", os.path.basename(name), offset, sizes[files.index(name)])
        where = "round %d (seed %d), %s" % (number, seed, what)
        found = Found(program, path)
        if found.code == 3:
            if not found.lines[-1].startswith("error invalid ") and not found.lines[-1].startswith("error corrupt "):
                fail("%s: refused oddly" % where, found.lines[-1])
            counts["refused"] += 1
            continue
        if found.code != 0:
            fail("%s: reader ended with %d" % (where, found.code), *found.lines[-5:])
        if not found.ordered:
            fail("%s: order broken" % where)
        wrong = [key for key, n in reference.messages.items() if found.messages.get(key, n) != n]
        if wrong:
            fail("%s: messages changed" % where, wrong[:5])
        # a transaction that ended just before the kill was promised to nobody: damaged, it is as if it had not ended
        missing = {key[1] for key in reference.messages if key in promised.confirmed and key not in found.messages}
        if missing and not found.problems:
            fail("%s: %d messages lost silently" % (where, len(missing)), sorted(missing)[:10])
        if len(missing) > 1 and not is_cut:
            fail("%s: %d messages lost for one bit" % (where, len(missing)), sorted(missing)[:10], *found.problems[:10])
        if missing and is_cut:
            counts["noticed, more lost (cut)"] += 1
        elif missing:
            counts["noticed, one lost"] += 1
        else:
            counts["noticed, nothing lost" if found.problems else "unnoticed, nothing lost"] += 1
        # what was made of it is sound
        again = Found(program, path)
        if again.code != 0 or again.problems or again.messages != found.messages:
            fail("%s: not sound after it was opened" % where, again.code, *again.problems[:5])
        shutil.rmtree(os.path.dirname(path))
    print("ok: %d places, %d messages: %s" % (rounds, len(reference.messages), ", ".join("%s: %d" % item for item in counts.items())))


def copy_store(source, target):
    for suffix in SUFFIXES:
        if os.path.exists(source + suffix):
            shutil.copy(source + suffix, target + suffix)


def read_files(path):
    return {suffix: open(path + suffix, "rb").read() for suffix in SUFFIXES if os.path.exists(path + suffix)}


def refuse(program, folder):
    path = os.path.join(folder, "spool.db")
    writer = subprocess.Popen([program, "write", path, "1", "0", "0"], stdout=subprocess.PIPE)
    writer.stdout.readline()
    second = Found(program, path)
    writer.kill()
    writer.wait()
    if second.code != 3 or not second.lines[-1].startswith("error exists "):
        fail("a store in use was not refused", second.code, *second.lines[:3])
    if Found(program, path).code != 0:
        fail("a store cannot be opened after its process died")

    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = read_files(path)
    newer = Found(program, path)
    if newer.code != 3 or not newer.lines[-1].startswith("error invalid ") or "version 99" not in newer.lines[-1]:
        fail("a newer store was not refused", newer.code, *newer.lines[:3])
    if read_files(path) != before:
        fail("a newer store was touched")

    foreign = os.path.join(folder, "foreign")
    with open(foreign, "w") as file:
        file.write("not a store at all\n" * 100)
    before = open(foreign, "rb").read()
    refused = Found(program, foreign)
    if refused.code != 3 or open(foreign, "rb").read() != before:
        fail("a foreign file was not refused, or was touched", refused.code)
    print("ok: in use, newer and foreign are refused and untouched")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("what", choices=("kill", "damage", "refuse"))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    print("seed %d" % seed)
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="hawser-crash-") as folder:
        if options.what == "kill":
            kill(options.program, folder, options.rounds, seed)
        elif options.what == "damage":
            damage(options.program, folder, options.rounds, seed)
        else:
            refuse(options.program, folder)


if __name__ == "__main__":
    main()
