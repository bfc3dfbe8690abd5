#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""remote-thermostat.py URL: the thermostat beside a running hawserd instead of inside one. Changes of rooms come as an event stream,
what is desired goes back as a patch, which holds only for the twin that was looked at. Needs nothing but Python."""
import json
import sys
import urllib.error
import urllib.request

BAND = 0.5    # degrees around the desired temperature in which nothing is switched
TWINS = sys.argv[1] + "/v1/twins"


def decide(twin):
    """What to desire of a twin; None: nothing."""
    is_ = twin["reported"].get("temperature", {}).get("value")
    wanted = twin["desired"].get("temperature")
    if not isinstance(is_, (int, float)) or not isinstance(wanted, (int, float)) or abs(is_ - wanted) < BAND:
        return None
    return {"desired": {"heater": "on" if is_ < wanted else "off"}}


def patch(twin, changes):
    request = urllib.request.Request(f"{TWINS}/{twin['id']}", json.dumps(changes).encode(), method="PATCH",
                                     headers={"Content-Type": "application/merge-patch+json", "If-Match": f'"{twin["revision"]}"'})
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as error:
        if error.code != 412:    # it has changed meanwhile: an event of that is on its way
            raise


# with an interval each room that changed comes as it is, and snapshot=1 begins with all of them: nothing is missed by who comes late
with urllib.request.urlopen(f"{TWINS}/events?id=room/%23&changes=reported,desired&interval=50ms&snapshot=1") as stream:
    for line in stream:
        if not line.startswith(b"data: "):
            continue
        room = json.loads(line[6:])
        changes = None if "removed" in room or "reported" not in room else decide(room)
        if changes is not None:
            patch(room, changes)
