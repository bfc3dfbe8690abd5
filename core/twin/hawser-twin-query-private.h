/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hawser-twins-private.h"

G_BEGIN_DECLS

#define HAWSER_TWIN_MAX_QUERY 16384    /* bytes */
#define HAWSER_TWIN_MAX_TERMS 512      /* of one query */

typedef struct _HawserTwinQuery HawserTwinQuery;

HawserTwinQuery *hawser_twin_query_new     (const char             *text,
                                            GError                **error);
void             hawser_twin_query_free    (HawserTwinQuery        *self);
gboolean         hawser_twin_query_matches (HawserTwinQuery        *self,
                                            HawserTwins            *twins,
                                            HawserTwinRef           twin);

/* One thing of a twin that can be compared: number, text, boolean or nothing. */
typedef struct {
  char kind;                           /* 'n', 's', 'b', '-' nothing, 'j' an object or array */
  double number;
  const char *text;                    /* terminated; as long as the twin is not touched, or of @owned */
  char *owned;
} HawserTwinOperand;

/* A path: id, parent, state, revision, family, reported/KEY, desired/KEY, attributes/KEY[/MEMBER…]; a bare KEY is reported. */
typedef struct {
  char *text;
  int place;
  char *key;
  char *pointer;                       /* NULL: the whole value */
  int column;                          /* of the family below, -1: none */
  guint family, n_columns;             /* for which column was found */
} HawserTwinPath;

void             hawser_twin_path_init     (HawserTwinPath         *self,
                                            const char             *text,
                                            gsize                   len);
void             hawser_twin_path_clear    (HawserTwinPath         *self);
void             hawser_twin_path_read     (HawserTwinPath         *self,
                                            HawserTwins            *twins,
                                            HawserTwinRef           twin,
                                            HawserTwinOperand      *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserTwinQuery, hawser_twin_query_free)

G_END_DECLS
