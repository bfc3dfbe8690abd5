/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(HAWSER_INSIDE) && !defined(HAWSER_COMPILATION)
#error "Only <hawser/hawser.h> can be included directly."
#endif

/* Twins by number, for programs that write millions of values a second or walk the tree without objects. C only, on the
 * bus's lane. A reference is valid until its twin is removed or leaves memory: hawser_twins_lookup() again after each turn. */

#include "hawser-policy-context.h"
#include "hawser-twins.h"

G_BEGIN_DECLS

typedef guint32 HawserTwinRef;   /* 0: none */

/* Finds a twin in memory; makes it where @activate. Names are ids. */
HAWSER_AVAILABLE_IN_ALL
HawserTwinRef   hawser_twins_lookup        (HawserTwins          *self,
                                            const char           *id,
                                            gboolean              activate,
                                            GError              **error);
HAWSER_AVAILABLE_IN_ALL
const char     *hawser_twins_get_id        (HawserTwins          *self,
                                            HawserTwinRef         twin);
HAWSER_AVAILABLE_IN_ALL
HawserTwinRef   hawser_twins_get_parent    (HawserTwins          *self,
                                            HawserTwinRef         twin);
HAWSER_AVAILABLE_IN_ALL
HawserTwinState hawser_twins_get_state     (HawserTwins          *self,
                                            HawserTwinRef         twin);
HAWSER_AVAILABLE_IN_ALL
guint64         hawser_twins_get_revision  (HawserTwins          *self,
                                            HawserTwinRef         twin);
HAWSER_AVAILABLE_IN_ALL
guint           hawser_twins_get_n_twins   (HawserTwins          *self);
/* Children in no order that means something; @twin 0: those without a parent. */
HAWSER_AVAILABLE_IN_ALL
guint           hawser_twins_get_n_children (HawserTwins         *self,
                                             HawserTwinRef        twin);
HAWSER_AVAILABLE_IN_ALL
HawserTwinRef   hawser_twins_get_child     (HawserTwins          *self,
                                            HawserTwinRef         twin,
                                            guint                 position);

/* A number of a reported property; FALSE when there is none. */
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twins_get_double    (HawserTwins          *self,
                                            HawserTwinRef         twin,
                                            const char           *key,
                                            double               *out_value);

/* The number that a key has in the family of @twin; -1 when the family has no room for one more. Valid for all twins of one
 * family for the life of the bus. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_twins_get_column    (HawserTwins          *self,
                                            HawserTwinRef         twin,
                                            const char           *key);
/* Reports numbers, measured now: columns[i] becomes values[i]. What is not finite is refused and counted. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_twins_report_columns (HawserTwins         *self,
                                             HawserTwinRef        twin,
                                             const int           *columns,
                                             const double        *values,
                                             guint                n);

/* One number of one twin. */
typedef struct {
  HawserTwinRef twin;
  int column;
  double value;
} HawserTwinNumber;

/* The same for many twins in any order, each with one number: faster for a million of them, because what the next ones need
 * is fetched meanwhile. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_twins_report_numbers (HawserTwins            *self,
                                             const HawserTwinNumber *numbers,
                                             gsize                   n);

/* Rights and questions of the faces: HTTP and what else shows twins. */
HAWSER_AVAILABLE_IN_ALL
int             hawser_twins_check_read    (HawserTwins               *self,
                                            const HawserPolicyContext *context,
                                            const char                *id);
HAWSER_AVAILABLE_IN_ALL
gint64          hawser_twins_count_readable (HawserTwins              *self,
                                             const HawserPolicyContext *context,
                                             const char               *parent,
                                             const char               *query,
                                             GError                  **error);
HAWSER_AVAILABLE_IN_ALL
int             hawser_twins_check_write   (HawserTwins               *self,
                                            const HawserPolicyContext *context,
                                            const char                *id);
HAWSER_AVAILABLE_IN_ALL
gboolean        hawser_twins_matches       (HawserTwins               *self,
                                            const char                *id,
                                            const char                *query,
                                            GError                   **error);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_twins_dup_id_of_topic (HawserTwins             *self,
                                              const char              *topic);
HAWSER_AVAILABLE_IN_ALL
char           *hawser_twins_dup_inbox_filter (HawserTwins            *self,
                                               const char             *id,
                                               const char             *principal);

/* Sums what is to be summed now, not at the end of the interval. */
HAWSER_AVAILABLE_IN_ALL
void            hawser_twins_aggregate     (HawserTwins               *self);

G_END_DECLS
