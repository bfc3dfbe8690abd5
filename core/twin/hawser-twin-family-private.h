/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-twin-family.h"

G_BEGIN_DECLS

#define HAWSER_TWIN_MAX_COLUMNS 64     /* numbers of one family: one word says which of them a message brought */
#define HAWSER_TWIN_MAX_FIELDS 32      /* properties that are aggregated anywhere */
#define HAWSER_TWIN_MAX_CAPTURES 16    /* placeholders of a pattern */
#define HAWSER_TWIN_MAX_FAMILIES 4096

enum {
  HAWSER_TWIN_SUM = 1 << 0,
  HAWSER_TWIN_COUNT = 1 << 1,
  HAWSER_TWIN_MIN = 1 << 2,
  HAWSER_TWIN_MAX = 1 << 3,
  HAWSER_TWIN_MEAN = 1 << 4,
  HAWSER_TWIN_COUNT_ONLINE = 1 << 5,   /* of the tally */
  HAWSER_TWIN_COUNT_STALE = 1 << 6,
  HAWSER_TWIN_COUNT_OFFLINE = 1 << 7,
};

/* One level of a pattern, or a piece of a template. */
typedef struct {
  char *before, *after;                /* literal text around the placeholder */
  int capture;                         /* -1: none; -2: any one level; -3: the rest */
} HawserTwinPiece;

typedef struct {
  HawserTwinPiece *pieces;
  guint n;
} HawserTwinPattern;

typedef struct {
  const char *text[HAWSER_TWIN_MAX_CAPTURES];
  guint len[HAWSER_TWIN_MAX_CAPTURES];
} HawserTwinCaptures;

typedef struct {
  char *key;
  char *pointer;                       /* JSON Pointer in a message; NULL: none */
  gboolean is_simple;                  /* the pointer is "/member" without escapes */
  const char *member;
  guint member_len;
  guint32 hash;                        /* of the member */
} HawserTwinColumn;

typedef struct {
  char *key;
  guint functions;
} HawserTwinFunction;

struct _HawserTwinFamily {
  GObject parent_instance;
  char *name;
  gboolean is_single;                  /* [twin NAME]: its id is its name */
  guint16 index;                       /* in the table of twins */

  char *title, *description;
  char **topics, **status_topics, **map, **aggregate;
  char *id, *parent;
  char *presence_of, *publish_topic, *gateway_topic, *behavior, *subscribe_policy, *write_policy, *persist, *store;
  gint64 stale_after_us, offline_after_us, aggregate_interval_us, passivate_after_us, persist_interval_us;
  guint history;
  guint snapshot_every;

  /* compiled when it is added */
  gboolean is_compiled;
  char *names[HAWSER_TWIN_MAX_CAPTURES];
  guint n_names;
  HawserTwinPattern *topic_patterns, *status_patterns;
  guint n_topic_patterns, n_status_patterns;
  HawserTwinPattern id_pattern, parent_pattern;
  GArray *functions;                   /* of HawserTwinFunction */
  guint count_functions;
  HawserTwinColumn columns[HAWSER_TWIN_MAX_COLUMNS];
  guint n_columns;
  gboolean has_map;
  gboolean maps_simple;                /* all pointers are simple: one pass finds them */
  guint8 map_table[64];                /* by hash of the member: column + 1 */
  gint8 column_of_field[HAWSER_TWIN_MAX_FIELDS];
  guint8 field_functions[HAWSER_TWIN_MAX_FIELDS];
  guint offline_ticks, stale_ticks, idle_ticks;
  guint n_present;                     /* connections that prove presence_of */
  GObject *behavior_object;
};

gboolean hawser_twin_family_compile   (HawserTwinFamily          *self,
                                       const char               **out_property,
                                       GError                   **error);
gboolean hawser_twin_pattern_match    (const HawserTwinPattern   *self,
                                       const char                *text,
                                       gsize                      len,
                                       HawserTwinCaptures        *captures);
gboolean hawser_twin_pattern_expand   (const HawserTwinPattern   *self,
                                       const HawserTwinCaptures  *captures,
                                       GString                   *out);
/* -1: no room for one more. */
int      hawser_twin_family_need_column (HawserTwinFamily        *self,
                                         const char              *key,
                                         gsize                    len);
int      hawser_twin_family_find_column (HawserTwinFamily        *self,
                                         const char              *key,
                                         gsize                    len);

G_END_DECLS
