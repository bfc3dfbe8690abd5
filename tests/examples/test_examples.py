#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_examples.py c|python|gjs DIRECTORY: runs the seven example programs of a language, with mosquitto's clients at the
other end of those that listen."""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import unittest

DEADLINE_S = 120
COMMANDS = {
    "c": lambda name: [DIRECTORY / f"example-{name}"],
    "python": lambda name: ["/usr/bin/python3", DIRECTORY / f"{name}.py"],
    "gjs": lambda name: ["gjs", "-m", DIRECTORY / f"{name}.js"],
}


@contextlib.contextmanager
def program(name, *arguments):
    """Starts an example; gives the process, and the port it says it listens on."""
    process = subprocess.Popen([*COMMANDS[LANGUAGE](name), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"listening on \D*(?:127\.0\.0\.1:)?(\d+)\n", line)
        if found is None:
            raise AssertionError(line + process.stderr.read())
        yield process, found[1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def client(name, port, *arguments):
    return subprocess.run([f"mosquitto_{name}", "-h", "127.0.0.1", "-p", port, *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=True).stdout


def run(name, **environment):
    return subprocess.run(COMMANDS[LANGUAGE](name), capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          env={**os.environ, **environment})


def sugar():
    """Where the overrides are found that an installed Hawser has; the other examples do without."""
    bindings = pathlib.Path(__file__).resolve().parents[2] / "bindings"
    return {"PYTHONPATH": str(bindings / "python"), "GJS_PATH": str(bindings / "gjs")}


class ExamplesTest(unittest.TestCase):
    def assert_ends_well(self, process):
        # communicate() would miss what readline() has buffered already.
        out, err = process.stdout.read(), process.stderr.read()
        self.assertEqual((process.wait(DEADLINE_S), err), (0, ""))
        return out

    def test_publish_reaches_a_foreign_subscriber(self):
        with program("publish", "--once", "tcp:127.0.0.1:0") as (process, port):
            got = client("sub", port, "-t", "example/#", "-C", "1", "-v")
            out = self.assert_ends_well(process)
        self.assertRegex(got, r"^example/time 20\d\d-\d\d-\d\dT[0-9:.]+Z\n$")
        self.assertEqual(out.split()[-1], got.split()[-1])

    def test_subscribe_prints_what_a_foreign_publisher_sends(self):
        with program("subscribe", "--once", "tcp:127.0.0.1:0", "example/#") as (process, port):
            client("pub", port, "-t", "other", "-m", "not this", "-q", "1")
            client("pub", port, "-t", "example/hello", "-m", "grüß dich", "-q", "1")
            self.assertEqual(self.assert_ends_well(process), "example/hello grüß dich\n")

    def test_embedded_listener_answers_on_its_own_context(self):
        for version in "mqttv311", "mqttv5":
            with self.subTest(version), program("embed-listener", "tcp:127.0.0.1:0") as (process, port):
                self.assertEqual(client("rr", port, "-V", version, "-t", "ask", "-e", "answer", "-m", "are you there?"), "yes\n")
                self.assertEqual(self.assert_ends_well(process), "asked: are you there?\n")

    def test_embedded_listener_is_fifty_lines(self):
        source = {"c": SOURCE / "embed-listener.c", "python": SOURCE / "embed-listener.py", "gjs": SOURCE / "embed-listener.js"}
        self.assertLessEqual(len(source[LANGUAGE].read_text(encoding="utf-8").splitlines()), 50)

    def test_address_that_is_wrong_is_said_in_one_line(self):
        for name in "publish", "subscribe":
            ended = subprocess.run([*COMMANDS[LANGUAGE](name), "--once", "nonsense"], capture_output=True, text=True,
                                   timeout=DEADLINE_S, check=False)
            self.assertEqual((ended.returncode, ended.stderr.count("\n")), (1, 1), ended.stderr)

    def test_sink_is_given_its_batch_again_until_it_is_safe(self):
        ended = run("sink")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout, "not ready yet\nwrote one\nwrote two\nwrote three\nall of them are safe\n")

    def test_twin_counts_a_street_and_lists_its_roofs(self):
        ended = run("twin")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout, "street/lake: 7.5 kW\nroof/lake/1 online 2.5\nroof/lake/2 online 4.0\nroof/lake/3 online 1.0\n"
                                       "roof/lake/2 is to give 3 kW at most\n")

    def test_behaviours_switch_a_heater_and_split_a_dispatch(self):
        ended = run("behavior", **sugar())
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout, "room/kitchen: heater on\nroom/kitchen: heater off\n"
                                       "battery/lake/1: power-kw -300.0\nbattery/lake/2: power-kw -100.0\n")

    def test_receiver_gets_its_messages_and_the_end(self):
        ended = run("receiver")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertEqual(ended.stdout, "received sensor/kitchen/temperature 20\nreceived sensor/hall/temperature 19\n"
                                       "received sensor/cellar/temperature 18\nended after 3\n")


if __name__ == "__main__":
    LANGUAGE, DIRECTORY = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))
    SOURCE = pathlib.Path(__file__).resolve().parents[2] / "examples" / LANGUAGE
    unittest.main()
