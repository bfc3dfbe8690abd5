#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hawser twin from outside: each word against a running daemon."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.environ['FIXTURE_DIR'])
from fixture import DEADLINE_S, HAWSER, MQTT, OPEN, WEB, Case, Daemon, environment, wait_for

CONFIG = OPEN + MQTT + WEB + '''
[twin-family site]
topics=grid/{region}/{site}
id=site/{region}/{site}
parent=region/{region}
aggregate=sum:power-kw;count:online;count:stale;count:offline
aggregate-interval=20ms

[twin-family region]
id=region/{region}
parent=fleet

[twin fleet]
title=All of it
'''


class Twin(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scratch = tempfile.TemporaryDirectory(prefix='hawser-test-')
        cls.addClassCleanup(scratch.cleanup)
        path = pathlib.Path(scratch.name) / 'hawser.conf'
        path.write_text(CONFIG)
        cls.daemon = Daemon('--config', str(path))
        cls.addClassCleanup(cls.daemon.stop)
        for region, site, power in ('north', 'a', 1.5), ('north', 'b', 2), ('south', 'c', -4):
            subprocess.run([HAWSER, 'pub', '-u', cls.daemon.url('mqtt'), f'grid/{region}/{site}', json.dumps({'power-kw': power, 'name': site})],
                           check=True, env=environment(), timeout=DEADLINE_S)

    def hawser(self, *arguments, code=0):
        result = subprocess.run([HAWSER, 'twin', *arguments, '-u', self.daemon.url('web')], capture_output=True, text=True, env=environment(), timeout=DEADLINE_S)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        return result.stdout if code == 0 else result.stderr

    def until(self, arguments, wanted):
        def said():
            text = self.hawser(*arguments)
            return text if wanted in text else None

        return wait_for(said, wanted)

    def test_tree_has_what_is_counted_at_each_node(self):
        lines = self.until(['tree'], 'power-kw -0.5 (sum)').splitlines()
        self.assertRegex(lines[0], r'^fleet +online 3/3  power-kw -0.5 \(sum\)$')
        self.assertEqual([line.split()[1] for line in lines[1:] if 'region' in line], ['region/north', 'region/south'])
        self.assertRegex(lines[2], r'^│  ├─ site/north/a +online +power-kw 1.5  \d')
        self.assertRegex(self.hawser('tree', '-d', '1').splitlines()[-1], r'^└─ region/south .*\(1 below\)$')
        self.assertEqual(len(self.hawser('tree', 'region/north').splitlines()), 3)
        tree = json.loads(self.hawser('tree', '-j'))
        self.assertEqual([child['id'] for child in tree[0]['children']], ['region/north', 'region/south'])
        self.assertIn('there is no twin', self.hawser('tree', 'none', code=6))

    def test_list_and_query_find_the_same(self):
        self.assertEqual(self.hawser('list', '--names', 'region/north').split(), ['site/north/a', 'site/north/b'])
        self.assertEqual(self.hawser('query', '--names', 'gt(power-kw,1.7)').split(), ['site/north/b'])
        self.assertEqual(self.hawser('list', '--names', '-f', 'exists(power-kw)', '-s', '-reported/power-kw').split(), ['site/north/b', 'site/north/a', 'site/south/c'])
        self.assertEqual(self.hawser('query', '-n', 'exists(power-kw)'), '3\n')
        self.assertEqual(json.loads(self.hawser('query', '-n', '-j', 'exists(power-kw)')), {'count': 3})
        self.assertIn('400', self.hawser('query', 'nonsense((', code=1))

    def test_live_query_says_that_nobody_answers(self):
        result = subprocess.run([HAWSER, 'twin', 'query', '--live', '--wait', '200ms', 'exists(power-kw)', '-j', '-u', self.daemon.url('web')],
                                capture_output=True, text=True, env=environment(), timeout=DEADLINE_S)
        self.assertEqual(result.returncode, 8, result.stderr)
        self.assertEqual({item['outcome'] for item in json.loads(result.stdout)['items']}, {'timed-out'})

    def test_show_get_and_set(self):
        text = self.hawser('show', 'site/south/c')
        self.assertRegex(text, r'(?m)^state +online$')
        self.assertRegex(text, r'(?m)^  power-kw +-4 +\S+ \w+ +/listener/mqtt')
        self.assertIn('power-kw', self.hawser('show', 'fleet'))
        self.assertEqual(json.loads(self.hawser('show', '-j', 'site/south/c'))['id'], 'site/south/c')
        self.assertEqual(self.hawser('get', 'site/south/c', 'power-kw'), '-4\n')
        self.hawser('set', 'site/south/c', 'limit-kw=3', 'attributes/city=Bern', 'attributes/floors=[1,2]')
        self.assertEqual(self.hawser('get', 'site/south/c', 'desired/limit-kw'), '3\n')
        self.assertEqual(self.hawser('get', 'site/south/c', 'attributes/city'), 'Bern\n')
        self.assertEqual(self.hawser('get', 'site/south/c', 'attributes/floors'), '[1,2]\n')
        self.hawser('set', 'site/south/c', 'features/gps/desiredProperties/interval=5', 'features/gps/properties/lat=46.9')
        self.assertEqual(json.loads(self.hawser('get', 'site/south/c', 'features/gps')), {'properties': {'lat': 46.9}, 'desiredProperties': {'interval': 5}})
        self.hawser('set', 'site/south/c', 'features/gps=null', 'attributes/city=null')
        self.assertIn('has no', self.hawser('get', 'site/south/c', 'attributes/city', code=6))
        self.assertIn('412', self.hawser('set', '--if', 'gt(power-kw,0)', 'site/south/c', 'limit-kw=4', code=1))
        self.assertIn('PATH=VALUE', self.hawser('set', 'site/south/c', 'limit-kw', code=2))
        self.hawser('show', 'none', code=6)

    def test_watch_prints_changes_and_ends(self):
        process = subprocess.Popen([HAWSER, 'twin', 'watch', 'site/north/#', '--changes', 'attributes', '-C', '2', '-j', '-u', self.daemon.url('web')],
                                   stdout=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(process.stdout.close)
        end, n = time.monotonic() + DEADLINE_S, 0
        while process.poll() is None:   # it is not said when it listens: change until it has seen two
            self.assertLess(time.monotonic(), end)
            n += 1
            self.hawser('set', 'site/north/a', f'attributes/n={n}')
        seen = [json.loads(line) for line in process.stdout]
        self.assertEqual((process.returncode, [change['id'] for change in seen]), (0, ['site/north/a'] * 2))
        self.assertEqual(seen[1]['attributes']['n'], seen[0]['attributes']['n'] + 1)
        self.hawser('watch', '-W', '300ms', 'none/#', code=7)

    def test_ids_complete(self):
        result = subprocess.run([HAWSER, 'completion', '--query', 'twins', '-u', self.daemon.url('web')], capture_output=True, text=True, env=environment(), timeout=DEADLINE_S)
        self.assertIn('site/north/a', result.stdout.split())


if __name__ == '__main__':
    unittest.main(verbosity=2)
