/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What twins know of connections. A single twin with `presence-of` is online while somebody is connected who proved that claim,
 * and begins to be silent when the last one left. And each connection has the list of twins that were reported over it, so that
 * a link that is lost costs a look at those and not at all there are. On the bus's lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-principal.h"

/* ---- who is there ---- */

/* CLAIM:VALUE; the name of the principal is claim `name`. */
static gboolean
is_proved (const char *presence_of, HawserPrincipal *principal)
{
  const char *colon = strchr (presence_of, ':'), *value;
  g_autofree char *claim = NULL;

  if (principal == NULL || colon == NULL)
    return FALSE;
  claim = g_strndup (presence_of, (gsize) (colon - presence_of));
  if (strcmp (claim, "name") == 0 && g_strcmp0 (hawser_principal_get_name (principal), colon + 1) == 0)
    return TRUE;
  for (guint i = 0; (value = hawser_principal_get_claim_value (principal, claim, i)) != NULL; i++)
    if (strcmp (value, colon + 1) == 0)
      return TRUE;
  return FALSE;
}

static void
enter (HawserTwins *self, HawserTwinFamily *family)
{
  HawserTwinRef twin = hawser_twin_activate (self, family->name, strlen (family->name), NULL);

  family->n_present++;
  if (twin == 0)
    return;
  hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_ONLINE, "presence");
  hawser_twin_heard (self, twin, 0);
}

static void
leave (HawserTwins *self, HawserTwinFamily *family)
{
  HawserTwinRef twin = hawser_twin_find (self, family->name, strlen (family->name));

  if (--family->n_present > 0 || twin == 0)
    return;
  if (family->offline_ticks == 0)
    hawser_twin_set_state (self, twin, HAWSER_TWIN_STATE_OFFLINE, "presence");
  else
    hawser_twin_get (self, twin)->heard = hawser_twins_get_tick (self) + 1; /* the silence begins */
}

/* Which families it stands for, kept until it proves something else or goes. */
static void
set_present (HawserTwins *self, HawserConnection *connection, HawserPrincipal *principal)
{
  GArray *before = g_hash_table_lookup (self->present, connection), *now = NULL;

  for (guint i = 1; i < self->families->len && principal != NULL; i++)
    {
      HawserTwinFamily *family = self->families->pdata[i];

      if (!family->is_single || family->presence_of == NULL || !is_proved (family->presence_of, principal))
        continue;
      if (now == NULL)
        now = g_array_new (FALSE, FALSE, sizeof (guint16));
      g_array_append_val (now, family->index);
      enter (self, family);
    }
  for (guint i = 0; before != NULL && i < before->len; i++)
    leave (self, self->families->pdata[g_array_index (before, guint16, i)]);
  if (now != NULL)
    g_hash_table_insert (self->present, connection, now);
  else
    g_hash_table_remove (self->present, connection);
}

void
hawser_twins_identified (gpointer data, HawserConnection *connection)
{
  HawserTwins *self = data;

  if (self->has_presence)
    set_present (self, connection, hawser_connection_get_principal (connection));
}

/* ---- who reported over which connection ---- */

/* In @links a list of references for each connection's id; one that reported over another one since is skipped when it is read. */
void
hawser_twin_set_link (HawserTwins *self, HawserTwinRef twin, guint32 link)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinLink *list;
  guint n = 0;

  record->link = link;
  if (link == 0)
    return;
  list = g_hash_table_lookup (self->links, GUINT_TO_POINTER (link));
  if (list == NULL)
    {
      list = g_new0 (HawserTwinLink, 1);
      list->tidy_at = 64;
      g_hash_table_insert (self->links, GUINT_TO_POINTER (link), list);
    }
  if (list->n >= list->tidy_at)
    {
      /* a twin that two connections report for is in both lists, again and again */
      for (guint i = 0; i < list->n; i++)
        {
          HawserTwinRecord *other = hawser_twin_get (self, list->twins[i]);

          if (other->link == link && list->twins[i] != twin && !(other->is_marked))
            {
              other->is_marked = TRUE;
              list->twins[n++] = list->twins[i];
            }
        }
      for (guint i = 0; i < n; i++)
        hawser_twin_get (self, list->twins[i])->is_marked = FALSE;
      list->n = n;
      list->tidy_at = MAX (64, 2 * n);
    }
  if (list->n == list->size)
    {
      list->size = MAX (4, list->size * 2);
      list->twins = g_renew (HawserTwinRef, list->twins, list->size);
    }
  list->twins[list->n++] = twin;
}

void
hawser_twin_link_free (gpointer data)
{
  HawserTwinLink *list = data;

  g_free (list->twins);
  g_free (list);
}

/* Its connection died without a goodbye: what it reported for is unreachable until it is heard of again. */
void
hawser_twins_link_lost (gpointer data, HawserConnection *connection)
{
  HawserTwins *self = data;
  guint32 link = (guint32) hawser_connection_get_id (connection);
  HawserTwinLink *list = g_hash_table_lookup (self->links, GUINT_TO_POINTER (link));

  for (guint i = 0; list != NULL && i < list->n; i++)
    {
      HawserTwinRecord *record = hawser_twin_get (self, list->twins[i]);

      if (record->flags & HAWSER_TWIN_IS_USED && record->link == link && record->state != HAWSER_TWIN_STATE_OFFLINE)
        hawser_twin_set_state (self, list->twins[i], HAWSER_TWIN_STATE_OFFLINE, "link");
    }
}

/* It is closed, however that came. */
void
hawser_twins_connection_gone (gpointer data, HawserConnection *connection)
{
  HawserTwins *self = data;

  g_hash_table_remove (self->links, GUINT_TO_POINTER ((guint32) hawser_connection_get_id (connection)));
  if (g_hash_table_contains (self->present, connection))
    set_present (self, connection, NULL);
}
