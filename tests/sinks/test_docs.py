# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every block of docs/writing-a-sink.md is in the sources of sinks/file as it stands."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Docs(unittest.TestCase):
    def test_blocks_are_in_the_sources(self):
        sources = ''.join((ROOT / 'sinks/file' / name).read_text() for name in ('file-sink.c', 'file-append.c', 'file-lines.c', 'file-plugin.c', 'file.plugin'))
        blocks = re.findall(r'^```\w*\n(.*?)^```$', (ROOT / 'docs/writing-a-sink.md').read_text(), re.S | re.M)
        self.assertGreaterEqual(len(blocks), 7)
        for block in blocks:
            self.assertIn(block.strip('\n'), sources)


if __name__ == '__main__':
    unittest.main()
