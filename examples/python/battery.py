# SPDX-License-Identifier: LGPL-2.1-or-later
"""Batteries that act as one: so many kilowatts (below zero: into the grid) given to a node are split over the batteries below
that are online, in proportion to what each can give or take by its state of charge."""
import json

import gi
gi.require_version("Hawser", "1")
from gi.repository import GObject, Hawser


def get_share(child, kw):
    """The share of one battery, before it is divided by that of all: 0..100."""
    charge = child.get("reported", {}).get("soc")
    if child.get("state") != "online" or charge is None:
        return 0
    charge = min(max(charge, 0), 100)
    return charge if kw < 0 else 100 - charge


class Battery(GObject.Object, Hawser.TwinBehavior):
    def do_handle(self, id, state, message, out):
        if message.topic != f"$twin/inbox/{id}/dispatch":
            return None
        kw = message.json()["kw"]    # what is raised here is a failure, and is told by its text
        if not isinstance(kw, (int, float)):
            raise ValueError("a dispatch is an object with the number kw")
        children = state.unpack().get("children")
        if not children:
            return Hawser.variant({"desired": {"power-kw": kw}})
        shares = {child["id"]: get_share(child, kw) for child in children}
        for child, share in shares.items():
            if share > 0:
                text = json.dumps({"kw": kw * share / sum(shares.values())})
                out.add(Hawser.Message.new_text(f"$twin/inbox/{child}/dispatch", text))
        return None
