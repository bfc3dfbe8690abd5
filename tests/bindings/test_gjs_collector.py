#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dropping everything under load makes GJS complain of nothing: no callback during garbage collection, no criticals."""
import os
import pathlib
import subprocess
import unittest

HERE = pathlib.Path(__file__).parent


class CollectorTest(unittest.TestCase):
    def test_dropping_all_references_under_load_is_silent(self):
        run = subprocess.run(["gjs", "-m", HERE / "drop_everything.js"], capture_output=True, text=True, timeout=120,
                             env={**os.environ, "G_DEBUG": "fatal-criticals"})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertGreater(int(run.stdout), 1000)


if __name__ == "__main__":
    unittest.main()
