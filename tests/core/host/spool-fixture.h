/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A spool on SQLite under a bus, and the directory it is in: what the tests of sinks and twins that outlive their bus share. */

#include <hawser/hawser.h>

G_BEGIN_DECLS

/* The spool of the bus from now on; the file at @path is made, or read again. */
HawserSpool *spool_fixture_open   (HawserBus *bus, const char *path);

/* Closes the bus and what it has in the spool; the spool is given up. */
void         spool_fixture_close  (HawserBus *bus, HawserSpool *spool);

/* Removes a directory and the files in it. */
void         spool_fixture_remove (const char *dir);

G_END_DECLS
