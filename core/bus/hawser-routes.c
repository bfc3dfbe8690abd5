/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hawser-routes.h. Rights of receivers are part of the routes, so that a delivery costs no check. What is decided message by
 * message, because a receiver's terms say so, is the router's. Context: the bus's lane. */

#include "hawser-routes.h"

#include <string.h>

#include "hawser-group-private.h"
#include "hawser-hash.h"
#include "hawser-receiver-private.h"

void
hawser_routes_init (HawserRoutes *self)
{
  self->filters = hawser_match_tree_new ();
}

void
hawser_routes_clear (HawserRoutes *self)
{
  g_clear_pointer (&self->filters, hawser_match_tree_free);
}

void
hawser_routes_filter_changed (HawserRoutes *self, const char *filter, gsize len)
{
  const char *slash = memchr (filter, '/', len);
  gsize first_len = slash != NULL ? (gsize) (slash - filter) : len;

  if (first_len == 1 && (*filter == '+' || *filter == '#'))
    self->wildcard_version++;
  else
    self->group_versions[hawser_hash_bytes (filter, first_len) & (HAWSER_N_GROUPS - 1)]++;
}

typedef struct {
  HawserAuthority *authority;
  guint32 stamp;
  const char *topic;
  HawserLocalTopic *settings;
  GArray *routes;
  GArray *ids;                       /* pairs: route, id */
} Build;

static gboolean
may_receive (Build *build, HawserReceiver *receiver)
{
  if (G_UNLIKELY (receiver->group != NULL))
    return hawser_group_may_receive (receiver->group, build->settings, build->topic);
  return hawser_receiver_may_read (receiver, build->authority, build->settings, build->topic);
}

static void
add_entries (gpointer value, gpointer data)
{
  Build *build = data;

  for (HawserEntry *entry = value; entry != NULL; entry = entry->next_of_node)
    {
      HawserReceiver *receiver = entry->receiver;
      HawserRoute *route;

      if (receiver->stamp == build->stamp)
        {
          if (receiver->route == G_MAXUINT32)
            continue;
          /* overlapping filters: one delivery, at the highest QoS, with all identifiers (MQTT 5.0 section 3.3.4) */
          route = &g_array_index (build->routes, HawserRoute, receiver->route);
          route->qos = MAX (route->qos, entry->qos);
          route->no_local &= entry->no_local;
          route->retain_as_published |= entry->retain_as_published;
        }
      else
        {
          HawserRoute fresh = { receiver, 0, 0, entry->qos, entry->no_local, entry->retain_as_published };

          receiver->stamp = build->stamp;
          receiver->route = G_MAXUINT32;
          if (!may_receive (build, receiver))
            continue;
          receiver->route = build->routes->len;
          g_array_append_val (build->routes, fresh);
        }
      if (entry->id != 0)
        {
          const guint32 pair[2] = { receiver->route, entry->id };

          g_array_append_vals (build->ids, pair, 2);
        }
    }
}

static HawserRouteSet *
build_routes (HawserRoutes *self, HawserAuthority *authority, const char *topic, gsize topic_len, HawserLocalTopic *settings)
{
  g_autoptr (GArray) routes = g_array_new (FALSE, FALSE, sizeof (HawserRoute));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (guint32));
  Build build = { authority, ++self->stamp, topic, settings, routes, ids };
  HawserRouteSet *set;
  g_autofree guint32 *fill = NULL;
  guint n_ids = 0;

  hawser_match_tree_match (self->filters, topic, topic_len, add_entries, &build);

  set = hawser_route_set_new ((HawserRoute *) (gpointer) routes->data, routes->len);
  set->ids = ids->len > 0 ? g_new (guint32, ids->len / 2) : NULL;
  for (guint i = 0; i < set->n_routes; i++)
    {
      HawserReceiver *receiver = set->routes[i].receiver;

      set->has_journal |= receiver->durable != NULL && receiver->durable->queue != 0;
      set->may_refuse |= receiver->limits->overflow == HAWSER_OVERFLOW_REJECT || receiver->limits->overflow == HAWSER_OVERFLOW_BLOCK;
      set->routes[i].is_picky = receiver->durable != NULL && ((receiver->durable->terms != NULL && hawser_terms_are_picky (receiver->durable->terms)) ||
                                                                          (set->routes[i].no_local && receiver->flags & HAWSER_RECEIVER_PROVISIONED));
      set->is_picky |= set->routes[i].is_picky;
    }
  if (set->ids == NULL)
    return set;

  /* count, place, fill: identifiers of one route stand together */
  fill = g_new0 (guint32, set->n_routes);
  for (guint i = 0; i < ids->len; i += 2)
    fill[g_array_index (ids, guint32, i)]++;
  for (guint i = 0; i < set->n_routes; i++)
    {
      set->routes[i].first_id = n_ids;
      set->routes[i].n_ids = (guint8) MIN (fill[i], G_MAXUINT8);
      n_ids += fill[i];
      fill[i] = set->routes[i].first_id;
    }
  for (guint i = 0; i < ids->len; i += 2)
    set->ids[fill[g_array_index (ids, guint32, i)]++] = g_array_index (ids, guint32, i + 1);
  return set;
}

void
hawser_routes_renew (HawserRoutes *self, HawserAuthority *authority, HawserTopicRecord *record, HawserLocalTopic *settings, guint64 version)
{
  hawser_route_set_unref (record->routes);
  record->routes = build_routes (self, authority, record->name, record->len, settings);
  record->routes_version = version;
}
