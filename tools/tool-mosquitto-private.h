/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the import of a mosquitto.conf. */

#include <hawser/hawser.h>

#include "tool-mosquitto.h"

typedef struct {
  char *key;
  char *value;
  char *place;                       /* FILE:LINE */
  gboolean is_used;
} MosquittoSetting;

/* The settings of one listener, of one connection, or of the whole. */
typedef struct {
  char *name;
  GPtrArray *settings;               /* of MosquittoSetting, in order */
} MosquittoSection;

typedef struct {
  const ToolMosquittoOptions *options;
  GPtrArray *notes;
  MosquittoSection *whole;
  GPtrArray *listeners;              /* of MosquittoSection; the first may be the one that has no listener line */
  GPtrArray *connections;            /* of MosquittoSection */
  MosquittoSection *listener;                 /* lines go there now */
  MosquittoSection *connection;
  gboolean is_per_listener;
  guint n_files;
  GString *out;
  GString *listener_out;             /* comes after the policies */
  GHashTable *identities;            /* path of a password file to name of a group */
  gboolean has_acl;
  GString *may_read, *may_write;     /* terms of the listeners' rules */
} MosquittoImport;

/* tool-mosquitto-read.c */
void mosquitto_setting_free (gpointer data);
MosquittoSection *mosquitto_section_new (const char *name);
void mosquitto_section_free (gpointer data);
void mosquitto_note (MosquittoImport *self, const char *place, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* The last one counts, as mosquitto takes it. */
MosquittoSetting *mosquitto_find (MosquittoSection *section, const char *key);
const char *mosquitto_get (MosquittoSection *section, const char *key);
gboolean mosquitto_is_true (const char *value);
gboolean mosquitto_read_file (MosquittoImport *self, const char *path, GError **error);

/* tool-mosquitto-acl.c */
/* @listener: NULL: of all. */
gboolean mosquitto_take_acl (MosquittoImport *self, const char *path, const char *listener, GError **error);

/* tool-mosquitto-bridge.c */
gboolean mosquitto_write_bridge (MosquittoImport *self, MosquittoSection *connection, GError **error);

/* tool-mosquitto.c */
/* A value as our format reads it: a dollar is doubled. */
void mosquitto_emit (GString *out, const char *key, const char *value);
void mosquitto_emit_if (GString *out, const char *key, const char *value);
/* A number that means "no limit" when it is 0 or below has no key. */
void mosquitto_emit_limit (GString *out, const char *key, const char *value);
void mosquitto_emit_seconds (GString *out, const char *key, const char *value);
