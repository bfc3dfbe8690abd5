/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-config-group.h"
#include "hawser-config-keys-private.h"

G_BEGIN_DECLS

#define HAWSER_CONFIG_MAX_PROBLEMS 1000 /* ours: more than anybody mends in one go */

#define HAWSER_CONFIG_MAX_KEYS 1000 /* in a group; no kind has a tenth of it */

typedef struct {
  char *key;
  char *raw;           /* as written */
  char *text;          /* with variables replaced */
  char *problem;       /* why they could not be, or NULL */
  guint problem_column;
  char *file;
  guint line, key_column, value_column;
} HawserConfigValue;

/* Shared by a configuration and its groups, so a group stays usable as long as somebody holds it. */
typedef struct {
  gatomicrefcount ref_count;
  GPtrArray *problems;   /* of HawserConfigProblem */
  GHashTable *seen;      /* their texts */
  guint n_errors, n_warnings;
  GHashTable *types;     /* "kind\ntype" to GPtrArray of HawserConfigTypeKey */
  GHashTable *offered;   /* "kind\ntype" of what plugins have, whether they were opened or not */
} HawserConfigShared;

typedef struct {
  HawserConfigKey key;
  GParamSpec *pspec;
  char *default_text, *words;
} HawserConfigTypeKey;

struct _HawserConfigGroup {
  gatomicrefcount ref_count;
  HawserConfigShared *shared;
  char *title;           /* "listener mqtt" */
  char *kind, *name;
  char *file;
  guint line, column;
  GPtrArray *values;     /* of HawserConfigValue, in the order of their first appearance */
};

void                    hawser_config_note_offered      (HawserConfig            *self,
                                                         const char              *kind,
                                                         const char              *type);
HawserConfigShared     *hawser_config_shared_new        (void);
HawserConfigShared     *hawser_config_shared_ref        (HawserConfigShared      *self);
void                    hawser_config_shared_unref      (HawserConfigShared      *self);
void                    hawser_config_shared_report     (HawserConfigShared      *self,
                                                         HawserConfigSeverity     severity,
                                                         const char              *file,
                                                         guint                    line,
                                                         guint                    column,
                                                         const char              *text);

HawserConfigGroup      *hawser_config_group_new         (HawserConfigShared      *shared,
                                                         const char              *title,
                                                         const char              *file,
                                                         guint                    line,
                                                         guint                    column);
void                    hawser_config_group_set         (HawserConfigGroup       *self,
                                                         const char              *key,
                                                         const char              *raw,
                                                         const char              *file,
                                                         guint                    line,
                                                         guint                    key_column,
                                                         guint                    value_column);
HawserConfigValue      *hawser_config_group_find        (HawserConfigGroup       *self,
                                                         const char              *key);
const HawserConfigKey  *hawser_config_group_find_key    (HawserConfigGroup       *self,
                                                         const char              *key);
void                    hawser_config_group_report      (HawserConfigGroup       *self,
                                                         HawserConfigSeverity     severity,
                                                         const char              *format,
                                                         ...) G_GNUC_PRINTF (3, 4);
void                    hawser_config_group_report_at   (HawserConfigGroup       *self,
                                                         const HawserConfigValue *value,
                                                         guint                    offset,
                                                         HawserConfigSeverity     severity,
                                                         const char              *format,
                                                         ...) G_GNUC_PRINTF (5, 6);
char                   *hawser_config_value_show        (const HawserConfigValue *value);

GPtrArray              *hawser_config_type_keys_new     (const char              *kind,
                                                         GParamSpec             **pspecs,
                                                         guint                    n_pspecs);
gboolean                hawser_config_value_to_gvalue   (const char              *text,
                                                         GParamSpec              *pspec,
                                                         GValue                  *out_value,
                                                         char                   **out_problem);

char                  **hawser_config_split             (const char              *text);
char                   *hawser_config_check_text        (const HawserConfigKey   *key,
                                                         const char              *text,
                                                         guint                   *out_offset);
gboolean                hawser_config_parse_number      (const HawserConfigKey   *key,
                                                         const char              *text,
                                                         double                  *out_double,
                                                         gint64                  *out_integer);
gboolean                hawser_config_address_is_outside (const char             *address);
const char             *hawser_config_suggest           (const char              *word,
                                                         GPtrArray               *candidates);
void                    hawser_config_check_groups      (HawserConfigShared      *shared,
                                                         GPtrArray               *groups);

G_END_DECLS
