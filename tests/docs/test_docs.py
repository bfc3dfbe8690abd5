#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test_docs.py SOURCE-ROOT HAWSERD HAWSER: what the documentation says of files, options and keys is so.

A block of code under a line `<!-- some/file -->` is text of that file, as it stands there. A block under `<!-- configuration -->`
passes hawserd --check-config. Links and names of files lead somewhere, and every option of hawser and hawserd exists.
"""
import fnmatch
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

root, hawserd, hawser = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
SKIP = re.compile(r'^(build|_build|\.git|subprojects|node_modules)')
FOLDERS = 'core protocols sinks plugins daemon tools tests fuzz bench examples docs build-aux data bindings'.split()
BLOCK = re.compile(r'^(?:<!-- (?P<mark>[^>]+?) -->\n)?```(?P<language>[\w-]*)\n(?P<text>.*?)^```$', re.M | re.S)


def pages():
    for path in sorted(root.rglob('*.md')):
        if not SKIP.match(str(path.relative_to(root))):
            yield path, path.read_text()


def is_named(stem, names):
    """Whole, without what the files of the folder have in common, or as a pattern: `hawser-twin-ask.c`, `-ask`, `verb-*`."""
    return any(stem == name or stem.endswith('-' + name.lstrip('-')) or fnmatch.fnmatch(stem, name) for name in names)


def without_blocks(text):
    text = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
    return re.sub(r'^(?:    |\t).*$', '', text, flags=re.M)


def commands(text):
    """Command lines of the two programs: in blocks, indented lines and code spans."""
    blocks = [m.group('text') for m in BLOCK.finditer(text) if m.group('language') in ('', 'sh', 'console')]
    indented = re.findall(r'^(?: {4}|\t)(.*)$', re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S), re.M)
    spans = re.findall(r'`([^`\n]+)`', without_blocks(text))
    for line in [l for b in blocks for l in b.splitlines()] + indented + spans:
        for part in re.split(r'\s[|;&]+\s|\$\(', line):
            part = re.sub(r'^\s*(?:\$ |[A-Z_]+=\S+ )*', '', part)
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            if words and re.fullmatch(r'(?:\S*/)?(hawserd?)', words[0]):
                yield pathlib.Path(words[0]).name, words[1:]


class Help:
    known = {}

    @classmethod
    def of(cls, program, verb):
        key = (program, verb)
        if key not in cls.known:
            arguments = [hawserd, '--help'] if program == 'hawserd' else [hawser] + ([verb] if verb else []) + ['--help']
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
            cls.known[key] = done.stdout if done.returncode == 0 else None
        return cls.known[key]


class Documentation(unittest.TestCase):
    def test_quoted_code_is_the_code(self):
        n = 0
        for path, text in pages():
            for match in BLOCK.finditer(text):
                mark = match.group('mark')
                if mark is None or mark == 'configuration':
                    continue
                n += 1
                with self.subTest(page=path.relative_to(root), file=mark):
                    self.assertTrue('\n' + match.group('text') in '\n' + (root / mark).read_text(), 'not the text of the file any more:\n' + match.group('text'))
        self.assertGreater(n, 5)

    def test_links_resolve(self):
        for path, text in pages():
            for target in re.findall(r'\]\(([^)\s]+)\)', without_blocks(text)):
                target = target.split('#')[0]
                if target and not re.match(r'[a-z]+:', target):
                    with self.subTest(page=path.relative_to(root), link=target):
                        self.assertTrue((path.parent / target).exists())

    def test_names_of_files_are_files(self):
        name = re.compile(r'(?:%s)/[\w./*-]+' % '|'.join(FOLDERS))
        for path, text in pages():
            for span in re.findall(r'`([^`\n]+)`', without_blocks(text)):
                words = span.split()
                if words and name.fullmatch(words[0]):
                    with self.subTest(page=path.relative_to(root), file=words[0]):
                        here = path.parent.glob(words[0].rstrip('/'))
                        program = root.glob(words[0].rstrip('/') + '.c')    # what the build makes of it
                        self.assertTrue(any(root.glob(words[0].rstrip('/'))) or any(here) or any(program))

    def test_options_exist(self):
        n = 0
        for path, text in pages():
            for program, words in commands(text):
                verb = next((w for w in words if re.fullmatch(r'[a-z]+', w)), None) if program == 'hawser' else None
                help_text = Help.of(program, verb)
                with self.subTest(page=path.relative_to(root), command=f'{program} {" ".join(words)}'):
                    self.assertIsNotNone(help_text, f'no verb {verb}')
                    for word in words:
                        option = re.match(r'(--[a-z][\w-]*|-[A-Za-z]$)', word)
                        if option and verb not in ('help', 'context', 'policy', 'plugin', 'topic', 'config', 'subs', 'conn', 'listener'):
                            n += 1
                            self.assertRegex(help_text, r'(?<![\w-])%s(?![\w-])' % re.escape(option.group(1)))
        self.assertGreater(n, 3)

    def test_configurations_pass_the_check(self):
        for path, text in pages():
            for match in BLOCK.finditer(text):
                if match.group('mark') != 'configuration':
                    continue
                with self.subTest(page=path.relative_to(root)), tempfile.TemporaryDirectory() as folder:
                    file = pathlib.Path(folder) / 'hawser.conf'
                    file.write_text(match.group('text').replace('/var/lib/hawser', folder))
                    done = subprocess.run([hawserd, '--config', str(file), '--check-config'], capture_output=True, text=True, timeout=120)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_folder_says_what_it_is(self):
        for parent in ('core', 'protocols', 'sinks', 'plugins', 'examples', 'tests'):
            folders = [root / parent] + ([p for p in sorted((root / parent).iterdir()) if p.is_dir() and any(p.glob('*.[ch]'))]
                                         if parent in ('core', 'protocols', 'sinks', 'plugins') else [])
            for folder in folders:
                with self.subTest(folder=folder.relative_to(root)):
                    self.assertTrue((folder / 'README.md').exists())


class Folders(unittest.TestCase):
    def test_the_readme_of_a_folder_names_every_source_of_it(self):
        missing = []
        for area in ('core/*', 'protocols/*', 'sinks/*', 'plugins/*', 'fuzz'):
            for folder in sorted(path for path in root.glob(area) if path.is_dir()):
                # registration is the same in every plugin
                sources = [path for path in sorted(folder.glob('*.c')) if not path.stem.endswith('-plugin')]
                if not sources:
                    continue
                text = (folder / 'README.md').read_text() if (folder / 'README.md').exists() else ''
                names = {re.sub(r'\.[ch]$', '', name) for name in re.findall(r'`([\w*.-]+)`', text)}
                missing += [str(path.relative_to(root)) for path in sources if not is_named(path.stem, names)]
        self.assertEqual(missing, [])


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1], verbosity=2)
