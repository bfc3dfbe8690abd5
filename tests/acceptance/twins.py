# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rows about twins share: a grid of sites, what they say, and the tree counted by brute force."""
import json
import urllib.parse

from acceptance import Case, wait_for

GRID = '''
[twin-family site]
topics=grid/{region}/{feeder}/{site}/telemetry
status-topics=grid/{region}/{feeder}/{site}/link
id=site/{region}/{feeder}/{site}
parent=feeder/{region}/{feeder}
map=power-kw:/power;soc:/soc
aggregate=sum:power-kw;mean:power-kw;min:power-kw;max:power-kw;mean:soc;min:soc;max:soc;count:online;count:stale;count:offline
aggregate-interval=50ms
stale-after=20s
offline-after=40s
history=1000

[twin-family feeder]
id=feeder/{region}/{feeder}
parent=region/{region}

[twin-family region]
id=region/{region}
parent=fleet

[twin fleet]
title=All of it
'''


def path(id, rest='', **query):
    text = '&'.join(f'{name}={urllib.parse.quote(str(value), safe="")}' for name, value in query.items())
    return f'/v1/twins/{urllib.parse.quote(id)}{rest}' + ('?' + text if text else '')


class TwinCase(Case):
    conf = GRID

    def setUp(self):
        super().setUp()
        self.daemon = self.open(self.conf)
        self.web = self.daemon.web

    def twin(self, id, **query):
        answer = self.web.get(path(id, **query))
        return answer.json() if answer.status == 200 else None

    def value(self, id, key):
        twin = self.twin(id)
        return twin['reported'].get(key, {}).get('value') if twin else None

    def patch(self, id, body, **headers):
        return self.web.request('PATCH', path(id), json.dumps(body), {'Content-Type': 'application/merge-patch+json', **{k.replace('_', '-'): v for k, v in headers.items()}})

    def aggregate(self, id):
        answer = self.web.get(path(id, '/aggregate'))
        return answer.json()['aggregate'] if answer.status == 200 else None

    def list(self, **query):
        """All pages."""
        items, cursor = [], None
        while True:
            more = dict(query, **({'cursor': cursor} if cursor else {}))
            text = '&'.join(f'{name}={urllib.parse.quote(str(value), safe="")}' for name, value in more.items())
            answer = self.web.get('/v1/twins' + ('?' + text if text else ''))
            if answer.status != 200:
                raise AssertionError((answer.status, answer.body))
            page = answer.json()
            items += page['items']
            cursor = page['next']
            if not cursor:
                return items

    def ids(self, **query):
        return [item['id'] for item in self.list(**query)]

    def wait_for_twin(self, id):
        return wait_for(lambda: self.twin(id), id)


def telemetry(region, feeder, site, **values):
    return f'grid/{region}/{feeder}/{site}/telemetry', json.dumps(values)
