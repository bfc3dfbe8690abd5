/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private: who gets the messages of a topic. Worked out from all filters and rights, once, and kept with the topic until a filter
 * that could matter, or any right, changes; so a message costs one comparison of versions. One lane. */

#include "hawser-authority.h"
#include "hawser-match-tree.h"
#include "hawser-route-set.h"
#include "hawser-topic-table.h"

G_BEGIN_DECLS

#define HAWSER_N_GROUPS 256   /* topics by the hash of their first level: a subscription below one leaves the others' routes alone */

typedef struct {
  HawserMatchTree *filters;          /* path: filter; value: HawserEntry list */
  guint64 wildcard_version;          /* filters that begin with a wildcard changed */
  guint64 group_versions[HAWSER_N_GROUPS];
  guint32 stamp;                     /* of the set that was built last */
} HawserRoutes;

void            hawser_routes_init           (HawserRoutes      *self);
void            hawser_routes_clear          (HawserRoutes      *self);
void            hawser_routes_filter_changed (HawserRoutes      *self,
                                              const char        *filter,
                                              gsize              len);
/* Makes the routes of @record what they are now. */
void            hawser_routes_renew          (HawserRoutes      *self,
                                              HawserAuthority   *authority,
                                              HawserTopicRecord *record,
                                              HawserLocalTopic  *settings,
                                              guint64            version);

/* (transfer none) @settings: in force for @record. */
static inline HawserRouteSet *
hawser_routes_get (HawserRoutes *self, HawserAuthority *authority, HawserTopicRecord *record, HawserLocalTopic *settings)
{
  /* each part only grows, so the sum changes when any of them does */
  guint64 version = 1 + self->wildcard_version + self->group_versions[record->group] + authority->version + authority->topics->settings_version;

  if (G_UNLIKELY (record->routes == NULL || record->routes_version != version))
    hawser_routes_renew (self, authority, record, settings, version);
  return record->routes;
}

G_END_DECLS
