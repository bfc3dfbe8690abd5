/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <hawser/hawser.h>
#include <sqlite3.h>

G_BEGIN_DECLS

/* Reads the structure and every entry, queue and value, but no message: FALSE if anything is not as it was written. */
gboolean store_is_sound      (sqlite3                 *db,
                              guint32                  key);
gboolean store_are_entries_sound (sqlite3             *db);

/* Reads everything and names what is damaged; FALSE only if it could not be read to the end. */
gboolean store_check_all     (sqlite3                 *db,
                              guint32                  key,
                              HawserStoreProblemFunc   problem,
                              gpointer                 data,
                              GError                 **error);

/* One step of giving free pages back; TRUE if another is worth it. */
gboolean store_vacuum_step   (sqlite3                 *db);

G_END_DECLS
