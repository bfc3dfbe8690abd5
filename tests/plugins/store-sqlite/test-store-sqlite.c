/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role on SQLite: the contract of the role. */

#include <hawser/hawser.h>

#include "contract-store.h"
#include "store-sqlite.h"

static HawserStore *
make (void)
{
  return HAWSER_STORE (store_sqlite_new ());
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  contract_store_add ("sqlite", make);
  return g_test_run ();
}
