#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power plant from end to end: the daemon with its configuration, simulators, the page in a headless Chromium.

usage: test_sites.py HAWSERD SIMULATOR SOURCE-ROOT"""

import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'pegasus'))
from chromium import Chromium, wait_for   # noqa: E402

HAWSERD, SIMULATOR, ROOT = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
PATIENCE_S = 120
PAGE_BYTES = 150 * 1024


class Sites(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='hawser-sites-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        environment = dict(os.environ, SITES_DIR=self.folder, SITES_PAGE=os.path.join(ROOT, 'examples/power-plant/page'), MQTT_PORT='0', HTTP_PORT='0')
        self.daemon = subprocess.Popen([HAWSERD, '--config', os.path.join(ROOT, 'examples/power-plant/hawser.conf')], env=environment,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, self.daemon)
        self.assertTrue(select.select([self.daemon.stdout], [], [], PATIENCE_S)[0])
        ready = self.daemon.stdout.readline()
        self.ports = dict(re.findall(r'(mqtt|web)=tcp:127\.0\.0\.1:(\d+)', ready))
        self.origin = f'http://127.0.0.1:{self.ports["web"]}'

    def end(self, process):
        if process.poll() is None:
            process.terminate()
        process.wait(PATIENCE_S)
        if process.stdout:
            process.stdout.close()

    def simulate(self, *options):
        process = subprocess.Popen([SIMULATOR, '--port', self.ports['mqtt'], '--quiet', '--late=0', '--outages=0', *options])
        self.addCleanup(self.end, process)
        return process

    def get(self, path):
        with urllib.request.urlopen(self.origin + path, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def total(self, node='fleet'):
        try:
            return self.get(f'/v1/twins/{node}/aggregate')['aggregate']
        except urllib.error.HTTPError:   # nobody has said anything yet
            return {}

    def online(self, node='fleet'):
        return self.total(node).get('count', {}).get('online', 0)

    def sites(self):
        return self.get('/v1/twins?limit=5000&filter=' + urllib.parse.quote('like(id,"site/*")'))['items']

    def post(self, path, body):
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode(), {'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, json.load(answer)

    def test_totals_are_what_the_sites_say_in_sum(self):
        simulator = self.simulate('--sites=100')
        wait_for(lambda: self.online() == 100, 'all sites')
        simulator.send_signal(signal.SIGSTOP)   # nothing changes any more
        self.addCleanup(simulator.send_signal, signal.SIGCONT)

        def agrees():
            sites = self.sites()
            total = self.total()
            for key in ('power-kw', 'solar-kw', 'load-kw', 'battery-kw'):
                expected = sum(site['reported'][key]['value'] for site in sites)
                if abs(total[key]['sum'] - expected) > 1e-6 * max(1, abs(expected)):
                    return False
            values = [site['reported']['soc']['value'] for site in sites]
            return abs(total['soc']['mean'] - sum(values) / 100) < 1e-9 and (total['soc']['min'], total['soc']['max']) == (min(values), max(values))
        wait_for(agrees, 'the sums')

    def test_killing_one_in_a_hundred_changes_exactly_those(self):
        self.simulate('--sites=200', '--count=198')
        doomed = self.simulate('--sites=200', '--first=198')
        wait_for(lambda: self.online() == 200, 'all sites')
        known = {site['id'] for site in self.sites()}
        doomed.kill()
        wait_for(lambda: self.online() == 198, 'the loss')
        gone = {site['id'] for site in self.sites() if site['state'] == 'offline'}
        self.assertEqual(len(gone), 2, [(site['id'], site['state']) for site in self.sites() if site['state'] != 'online'])
        self.assertEqual({site['id'] for site in self.sites()}, known)
        counts = {region: self.total(f'region/{region}')['count'] for region in ('north', 'lake', 'south', 'east')}
        self.assertEqual(sum(count['online'] for count in counts.values()), 198)
        for region, count in counts.items():
            self.assertEqual(count['offline'], sum(id.startswith(f'site/{region}/') for id in gone))
        self.simulate('--sites=200', '--first=198')
        wait_for(lambda: self.online() == 200, 'the return')

    def test_a_dispatch_is_seen_in_the_totals_and_ends(self):
        self.simulate('--sites=100', '--speed=1')
        wait_for(lambda: self.online('region/lake') == 25, 'the region')
        capacity = wait_for(lambda: self.total('region/lake')['capacity-kw']['sum'], 'its batteries')
        status, answer = self.post('/v1/twins/region/lake/inbox/dispatch', {'share': 0.1, 'seconds': 600})
        self.assertEqual((status, answer), (202, {'sent': 25}))
        wait_for(lambda: abs(self.total('region/lake')['dispatched-kw']['sum'] - 0.1 * capacity) < 0.1 * 0.1 * capacity, 'the effect')
        self.assertEqual(self.total('region/north')['dispatched-kw']['sum'], 0)
        self.assertAlmostEqual(self.total()['dispatched-kw']['sum'], self.total('region/lake')['dispatched-kw']['sum'], delta=0.05 * capacity)
        self.post('/v1/twins/region/lake/inbox/dispatch', {'share': 0, 'seconds': 0})
        wait_for(lambda: self.total('region/lake')['dispatched-kw']['sum'] == 0, 'its end')

    def test_an_order_of_kilowatts_is_split_by_what_the_batteries_can_do(self):
        self.simulate('--sites=100', '--speed=1')
        wait_for(lambda: self.online('region/lake') == 25, 'the region')
        wait_for(lambda: self.total('region/lake')['capacity-kw']['sum'], 'its batteries')
        status, answer = self.post('/v1/twins/region/lake/inbox/dispatch', {'power-kw': -20, 'seconds': 600})
        self.assertEqual(status, 202)
        self.assertGreater(answer['sent'], 1)
        wait_for(lambda: abs(self.total('region/lake')['dispatched-kw']['sum'] + 20) < 1, 'the effect')
        self.assertEqual(self.total('region/north')['dispatched-kw']['sum'], 0)
        self.post('/v1/twins/fleet/inbox/dispatch', {'power-kw': 0, 'seconds': 0})
        wait_for(lambda: self.total('region/lake')['dispatched-kw']['sum'] == 0, 'its end')

    def test_a_single_site_answers_an_order(self):
        self.simulate('--sites=20')
        wait_for(lambda: self.online() == 20, 'the sites')
        self.assertEqual(self.post('/v1/twins/site/north/f1/s01/inbox/dispatch?wait=30s', {'power-kw': 1}), (200, {'accepted': True}))
        self.assertEqual(self.post('/v1/twins/site/north/f1/s01/inbox/dispatch?wait=30s', {'power': 1})[1]['accepted'], False)

    def test_page_shows_totals_tree_and_a_dispatch_and_fetches_nothing_from_elsewhere(self):
        self.simulate('--sites=60', '--speed=1')
        wait_for(lambda: self.online() == 60, 'the sites')
        with Chromium() as browser:
            for width, scheme in ((1440, 'light'), (390, 'dark')):
                page = browser.open(self.origin + '/sites/', width=width, scheme=scheme)
                page.wait_for('document.querySelector("#bus").dataset.state === "live" && document.querySelector("#online").textContent === "60"', PATIENCE_S)
                self.assertEqual(page.text('#of-all'), 'of 60')
                self.assertFalse(page.evaluate('document.documentElement.scrollWidth > innerWidth'))
                page.evaluate('document.querySelector("[data-id=\\"region/east\\"] > .node").click()')
                page.wait_for('document.querySelector("#detail-title").textContent === "East"', PATIENCE_S)
                page.evaluate('document.querySelector("#send").click()')
                page.wait_for('document.querySelector("#effect").textContent.includes("East does +")', PATIENCE_S)
                page.evaluate('document.querySelector("#stop").click()')
                page.wait_for('document.querySelector("#effect").textContent.includes("decide for themselves")', PATIENCE_S)
                self.assertEqual(page.complaints, [])
                self.assertEqual([url for url in page.requests if not url.startswith(self.origin + '/')], [])
                page.close()

    def test_page_is_small(self):
        files = [file for folder in ('power-plant', 'common') for file in (pathlib.Path(ROOT) / 'examples' / folder / 'page').iterdir()]
        self.assertLess(sum(file.stat().st_size for file in files), PAGE_BYTES)


if __name__ == '__main__':
    unittest.main(verbosity=2)
