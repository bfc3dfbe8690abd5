#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FEATURES B3: a vapi is made of the GIR, and a program in Vala compiles against it and runs."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Vala(unittest.TestCase):
    def run_it(self, *command, **more):
        result = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=dict(os.environ, **more))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_a_program_compiles_against_the_vapi_and_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            self.folder = folder
            self.run_it('vapigen', '--library', 'hawser-1', '--pkg', 'gio-2.0', '--directory', folder, str(GIR))
            program = folder + '/subscribe'
            self.run_it('valac', '--vapidir', folder, '--pkg', 'hawser-1', '--pkg', 'gio-2.0', '-o', program, str(ROOT / 'examples/vala/subscribe.vala'), '-X', f'-I{GIR.parent}/include',
                        PKG_CONFIG_PATH=str(GIR.parents[1] / 'meson-uninstalled'))
            self.assertEqual(self.run_it(program), 'craft/telemetry 25913.4\n')


if __name__ == '__main__':
    GIR = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
