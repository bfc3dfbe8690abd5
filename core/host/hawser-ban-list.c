/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who guesses passwords is shut out for a while, address by address, on all listeners of a bus; Unix sockets are not asked.
 * Bounded: when too many addresses are watched, those that only failed are forgotten first. Context: the bus's lane. */

#include "hawser-ban-list.h"
#include "hawser-ban-list-private.h"

#include <string.h>

#include "hawser-bus-private.h"

#define MAX_ADDRESSES 16384 /* ours: about 2 MB; a botnet beyond that meets the cost of each password check */

typedef struct {
  guint n_failures;
  gint64 since_us;         /* of the first failure of the window */
  gint64 until_us;         /* 0: not banned */
} Entry;

typedef struct {
  HawserBus *bus;
  GHashTable *entries;     /* address -> Entry */
  guint n_banned;          /* with until_us, over or not */
  guint64 n_failures, n_refused;
} BanList;

static void
ban_list_free (gpointer data)
{
  BanList *self = data;

  g_hash_table_unref (self->entries);
  g_free (self);
}

static BanList *
list_of (HawserBus *bus)
{
  BanList *self = g_object_get_data (G_OBJECT (bus), "hawser-ban-list");

  if (self == NULL)
    {
      self = g_new0 (BanList, 1);
      self->bus = bus;
      self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
      g_object_set_data_full (G_OBJECT (bus), "hawser-ban-list", self, ban_list_free);
    }
  return self;
}

static gint64
now_us (BanList *self)
{
  return hawser_lane_get_now_us (hawser_bus_get_lane (self->bus));
}

/* The address alone; NULL: it has none that could be banned. */
static char *
dup_host (HawserConnection *connection)
{
  g_autofree char *full = hawser_connection_dup_address (connection);
  char *start = g_str_has_prefix (full, "tcp:") ? full + 4 : NULL, *colon = start != NULL ? strrchr (start, ':') : NULL;

  if (colon == NULL)
    return NULL;
  if (*start == '[' && colon[-1] == ']')
    return g_strndup (start + 1, (gsize) (colon - start - 2));
  return g_strndup (start, (gsize) (colon - start));
}

static gboolean
is_useless (gpointer key, gpointer value, gpointer data)
{
  Entry *entry = value;
  BanList *self = data;

  if (entry->until_us != 0 && entry->until_us > now_us (self))
    return FALSE;
  self->n_banned -= entry->until_us != 0;
  return TRUE;
}

/* NULL: the list is full of bans. */
static Entry *
get_entry (BanList *self, const char *address)
{
  Entry *entry = g_hash_table_lookup (self->entries, address);

  if (entry != NULL)
    return entry;
  if (g_hash_table_size (self->entries) >= MAX_ADDRESSES)
    g_hash_table_foreach_remove (self->entries, is_useless, self);
  if (g_hash_table_size (self->entries) >= MAX_ADDRESSES)
    return NULL;
  entry = g_new0 (Entry, 1);
  g_hash_table_insert (self->entries, g_strdup (address), entry);
  return entry;
}

static void
ban (BanList *self, Entry *entry, gint64 duration_us)
{
  self->n_banned += entry->until_us == 0;
  entry->until_us = now_us (self) + duration_us;
  entry->n_failures = 0;
}

void
hawser_ban_list_note_failure (HawserBus *bus, HawserConnection *connection, guint max, gint64 window_us, gint64 duration_us)
{
  BanList *self = list_of (bus);
  g_autofree char *address = dup_host (connection);
  Entry *entry;

  self->n_failures++;
  entry = address != NULL && max > 0 ? get_entry (self, address) : NULL;
  if (entry == NULL)
    return;
  if (entry->n_failures == 0 || now_us (self) - entry->since_us > window_us)
    {
      entry->n_failures = 0;
      entry->since_us = now_us (self);
    }
  if (++entry->n_failures < max)
    return;
  ban (self, entry, duration_us);
  g_message ("address %s is banned for %" G_GINT64_FORMAT " s: %u log-ins failed", address, duration_us / G_USEC_PER_SEC, max);
}

gboolean
hawser_ban_list_refuses (HawserBus *bus, HawserConnection *connection)
{
  BanList *self = list_of (bus);
  g_autofree char *address = self->n_banned > 0 ? dup_host (connection) : NULL;
  Entry *entry = address != NULL ? g_hash_table_lookup (self->entries, address) : NULL;

  if (entry == NULL || entry->until_us == 0)
    return FALSE;
  if (entry->until_us > now_us (self))
    {
      self->n_refused++;
      return TRUE;
    }
  hawser_ban_list_remove (bus, address);
  return FALSE;
}

gboolean
hawser_ban_list_add (HawserBus *bus, const char *address, gint64 duration_us)
{
  g_autoptr (GInetAddress) inet = g_inet_address_new_from_string (address);
  g_autofree char *canonical = inet != NULL ? g_inet_address_to_string (inet) : NULL;
  Entry *entry = canonical != NULL ? get_entry (list_of (bus), canonical) : NULL;

  if (entry == NULL)
    return FALSE;
  ban (list_of (bus), entry, duration_us);
  return TRUE;
}

gboolean
hawser_ban_list_remove (HawserBus *bus, const char *address)
{
  BanList *self = list_of (bus);
  Entry *entry = g_hash_table_lookup (self->entries, address);
  gboolean was_banned = entry != NULL && entry->until_us != 0;

  self->n_banned -= was_banned;
  g_hash_table_remove (self->entries, address);
  return was_banned;
}

void
hawser_ban_list_foreach (HawserBus *bus, void (*func) (const char *address, gint64 left_us, gpointer data), gpointer data)
{
  BanList *self = list_of (bus);
  GHashTableIter iter;
  gpointer address, value;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &address, &value))
    if (((Entry *) value)->until_us > now_us (self))
      func (address, ((Entry *) value)->until_us - now_us (self), data);
}

static void
count (const char *address, gint64 left_us, gpointer data)
{
  ++*(guint *) data;
}

void
hawser_ban_list_get_statistics (HawserBus *bus, HawserBanStatistics *out_statistics)
{
  BanList *self = list_of (bus);

  *out_statistics = (HawserBanStatistics) { .n_failures = self->n_failures, .n_refused = self->n_refused };
  hawser_ban_list_foreach (bus, count, &out_statistics->n_bans);
}
