/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _FlightLink FlightLink;

/* @id: user property "id" of the message, %NULL if it has none or one that is not worth repeating */
typedef void (*FlightLinkReceived) (const char *topic,
                                    const char *id,
                                    gpointer    user_data);

typedef struct {
  guint64 n_published;    /* handed to the socket or its queue */
  guint64 n_acknowledged;
  guint64 n_dropped;      /* no connection, or too many without acknowledgement */
  guint64 n_connects;
} FlightLinkCounts;

FlightLink      *flight_link_new        (const char         *host,
                                         guint               port,
                                         const char         *client_id,
                                         const char *const  *filters,
                                         FlightLinkReceived  received,
                                         gpointer            user_data);
void             flight_link_free       (FlightLink         *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FlightLink, flight_link_free)

gboolean         flight_link_publish    (FlightLink         *self,
                                         const char         *topic,
                                         const char         *content_type,
                                         const char         *time,
                                         GString            *payload);
gboolean         flight_link_is_waiting (FlightLink         *self);
FlightLinkCounts flight_link_get_counts (FlightLink         *self);

G_END_DECLS
