/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The thermostat, by the table that its versions in Python and JavaScript are tested with too. */

#include "contract-twin-behavior.h"
#include "twin-thermostat.h"

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  contract_twin_behavior_add ("thermostat", TWIN_TYPE_THERMOSTAT, HAWSER_TEST_DATA "/twin-thermostat.json");
  return g_test_run ();
}
