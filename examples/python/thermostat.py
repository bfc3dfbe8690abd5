# SPDX-License-Identifier: LGPL-2.1-or-later
"""A twin that keeps a temperature: colder than desired by more than the band, and the heater is desired on; warmer, off."""
import gi
gi.require_version("Hawser", "1")
from gi.repository import GObject, Hawser


class Thermostat(GObject.Object, Hawser.TwinBehavior):
    BAND = 0.5    # degrees around the desired temperature in which nothing is switched

    def do_handle(self, id, state, message, out):
        state = state.unpack()
        is_, wanted = (state.get(part, {}).get("temperature") for part in ("reported", "desired"))
        if not isinstance(is_, float) or not isinstance(wanted, (int, float)) or abs(is_ - wanted) < self.BAND:
            return None
        return Hawser.variant({"desired": {"heater": "on" if is_ < wanted else "off"}})
