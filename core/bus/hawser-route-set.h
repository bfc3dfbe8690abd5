/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: the receivers that get the messages of a topic, and how each wants them. What is built once is never changed; whoever
 * walks it while callbacks run holds a reference. One lane. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _HawserReceiver HawserReceiver;

typedef struct {
  HawserReceiver *receiver;
  guint32 first_id;                  /* index into the set's ids */
  guint8 n_ids;
  guint8 qos;
  guint8 no_local;
  guint8 retain_as_published;
  guint8 is_picky;                   /* its terms decide about each message */
} HawserRoute;

typedef struct _HawserRouteSet {
  gint ref_count;
  guint n_routes;
  gboolean has_journal;              /* some receiver keeps a queue in the journal */
  gboolean may_refuse;               /* some receiver has the reject or the block policy */
  gboolean is_picky;                 /* some route is */
  guint32 *ids;
  HawserRoute routes[];
} HawserRouteSet;

/* (transfer full) Room for @n_routes routes. */
HawserRouteSet *hawser_route_set_new   (const HawserRoute *routes,
                                        guint              n_routes);
void            hawser_route_set_free  (HawserRouteSet    *self);

static inline HawserRouteSet *
hawser_route_set_ref (HawserRouteSet *self)
{
  self->ref_count++;
  return self;
}

static inline void
hawser_route_set_unref (HawserRouteSet *self)
{
  if (self != NULL && --self->ref_count == 0)
    hawser_route_set_free (self);
}

G_END_DECLS
