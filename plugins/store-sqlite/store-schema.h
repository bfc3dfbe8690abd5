/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

#include "store-mark.h"

G_BEGIN_DECLS

#define STORE_APPLICATION_ID 0x48575331   /* "HWS1": which kind of file this is (SQLite file format, 1.3.13) */
#define STORE_SCHEMA_VERSION 2   /* 2: values may have a revision; a file of 1 is one without such values */

/* The tables; message, queue, value and state hold records (store-record.c), entry the order of each queue. */
extern const char store_schema_sql[];

/* What a file says about itself in its first 100 bytes, read without opening it as a database. */
typedef enum {
  STORE_FILE_ABSENT,
  STORE_FILE_EMPTY,
  STORE_FILE_OURS,
  STORE_FILE_NEWER,
  STORE_FILE_FOREIGN,
} StoreFileKind;

StoreFileKind store_file_probe   (const char  *path,
                                  int         *out_version);

/* Opens for one user and sets everything that must be set before the first read. SQLite's code. */
int           store_database_open (const char  *path,
                                   sqlite3    **out_db);

/* A file of version 1 holds nothing that version 2 reads otherwise: only its number changes, in the file itself, where an
 * older program looks. */
int           store_database_upgrade (sqlite3 *db);

/* Makes an empty store under another name first: a crash in the middle leaves no half file behind. */
int           store_database_create (const char *path);

/* The same, of a name that nobody relies on yet; the caller closes @out_db, also after a failure. */
int           store_database_make (const char         *path,
                                   const StoreWitness *at,
                                   sqlite3           **out_db);

/* rename() that has reached the disk when it returns. */
gboolean      store_file_replace (const char *from,
                                  const char *to);

G_END_DECLS
