/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The battery, by the table that its versions in Python and JavaScript are tested with too. */

#include "contract-twin-behavior.h"
#include "twin-battery.h"

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  contract_twin_behavior_add ("battery", TWIN_TYPE_BATTERY, HAWSER_TEST_DATA "/twin-battery.json");
  return g_test_run ();
}
