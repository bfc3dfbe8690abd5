/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is shut out for a while, on all listeners of a bus: addresses that guess passwords (Unix sockets are not asked), client ids
 * that come and go too often, and whomever somebody puts here. Bounded: when too many are watched, those that are not banned
 * are forgotten first. Context: the bus's lane. */

#include "hawser-ban-list.h"
#include "hawser-ban-list-private.h"

#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-principal.h"

#define CLIENT "client:"
#define PRINCIPAL "principal:"
#define MAX_ENTRIES 16384 /* ours: about 2 MB; a botnet beyond that meets the cost of each password check */

typedef struct {
  guint n_events;          /* failed log-ins, or connections */
  gint64 since_us;         /* of the first one of the window */
  gint64 until_us;         /* 0: not banned */
  gboolean is_by_hand;     /* somebody said so */
} Entry;

typedef struct {
  HawserBus *bus;
  GHashTable *entries;     /* address, "client:ID" or "principal:NAME" -> Entry */
  guint n_banned;          /* with until_us, over or not */
  guint64 n_failures, n_refused, n_flapping;
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
      self->entries = g_hash_table_new_full (hawser_hash_string, g_str_equal, g_free, g_free);
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
get_entry (BanList *self, const char *name)
{
  Entry *entry = g_hash_table_lookup (self->entries, name);

  if (entry != NULL)
    return entry;
  if (g_hash_table_size (self->entries) >= MAX_ENTRIES)
    g_hash_table_foreach_remove (self->entries, is_useless, self);
  if (g_hash_table_size (self->entries) >= MAX_ENTRIES)
    return NULL;
  entry = g_new0 (Entry, 1);
  g_hash_table_insert (self->entries, g_strdup (name), entry);
  return entry;
}

static void
ban (BanList *self, Entry *entry, gint64 duration_us)
{
  self->n_banned += entry->until_us == 0;
  entry->until_us = now_us (self) + duration_us;
  entry->is_by_hand = FALSE;
  entry->n_events = 0;
}

/* TRUE: that was one too many, and now it is banned. */
static gboolean
note (BanList *self, const char *name, guint max, gint64 window_us, gint64 duration_us)
{
  Entry *entry = get_entry (self, name);

  if (entry == NULL)
    return FALSE;
  if (entry->n_events == 0 || now_us (self) - entry->since_us > window_us)
    {
      entry->n_events = 0;
      entry->since_us = now_us (self);
    }
  if (++entry->n_events < max)
    return FALSE;
  ban (self, entry, duration_us);
  return TRUE;
}

void
hawser_ban_list_note_failure (HawserBus *bus, HawserConnection *connection, guint max, gint64 window_us, gint64 duration_us)
{
  BanList *self = list_of (bus);
  g_autofree char *address = dup_host (connection);

  self->n_failures++;
  if (address != NULL && max > 0 && note (self, address, max, window_us, duration_us))
    g_message ("address %s is banned for %" G_GINT64_FORMAT " s: %u log-ins failed", address, duration_us / G_USEC_PER_SEC, max);
}

gboolean
hawser_ban_list_note_entry (HawserBus *bus, HawserConnection *connection, guint max, gint64 window_us, gint64 duration_us)
{
  BanList *self = list_of (bus);
  const char *client_id = hawser_connection_get_client_id (connection);
  g_autofree char *name = client_id != NULL ? g_strconcat (CLIENT, client_id, NULL) : NULL, *printable = NULL;

  /* one more than the limit is one too many */
  if (name == NULL || !note (self, name, max + 1, window_us, duration_us))
    return FALSE;
  self->n_flapping++;
  printable = g_strescape (client_id, NULL);
  g_message ("client '%s' is banned for %" G_GINT64_FORMAT " s: it connected more than %u times in %" G_GINT64_FORMAT " s", printable,
             duration_us / G_USEC_PER_SEC, max, window_us / G_USEC_PER_SEC);
  return TRUE;
}

static gboolean
is_banned (BanList *self, const char *name)
{
  Entry *entry = name != NULL ? g_hash_table_lookup (self->entries, name) : NULL;

  if (entry == NULL || entry->until_us == 0)
    return FALSE;
  if (entry->until_us > now_us (self))
    {
      self->n_refused++;
      return TRUE;
    }
  hawser_ban_list_remove (self->bus, name);
  return FALSE;
}

gboolean
hawser_ban_list_refuses (HawserBus *bus, HawserConnection *connection)
{
  BanList *self = list_of (bus);
  g_autofree char *address = self->n_banned > 0 ? dup_host (connection) : NULL;

  return is_banned (self, address);
}

gboolean
hawser_ban_list_refuses_identity (HawserBus *bus, HawserConnection *connection)
{
  BanList *self = list_of (bus);
  const char *client_id = hawser_connection_get_client_id (connection), *principal = hawser_connection_get_principal_name (connection);
  g_autofree char *client_name = self->n_banned > 0 && client_id != NULL ? g_strconcat (CLIENT, client_id, NULL) : NULL;
  g_autofree char *principal_name = self->n_banned > 0 && principal != NULL ? g_strconcat (PRINCIPAL, principal, NULL) : NULL;

  return is_banned (self, client_name) || is_banned (self, principal_name);
}

static gboolean
is_banned_by_hand (BanList *self, const char *kind, const char *id)
{
  g_autofree char *name = id != NULL ? g_strconcat (kind, id, NULL) : NULL;
  const Entry *entry = name != NULL ? g_hash_table_lookup (self->entries, name) : NULL;

  return entry != NULL && entry->is_by_hand && entry->until_us > now_us (self);
}

gboolean
hawser_ban_list_silences (HawserBus *bus, const HawserPolicyContext *author)
{
  BanList *self = list_of (bus);

  return self->n_banned > 0 && (is_banned_by_hand (self, CLIENT, author->client_id) ||
                                is_banned_by_hand (self, PRINCIPAL, author->principal != NULL ? hawser_principal_get_name (author->principal) : NULL));
}

/* As it stands in the table; NULL: it is nothing that can be banned. */
static char *
dup_name (const char *name)
{
  g_autoptr (GInetAddress) inet = NULL;

  if ((g_str_has_prefix (name, CLIENT) && name[strlen (CLIENT)] != '\0') || (g_str_has_prefix (name, PRINCIPAL) && name[strlen (PRINCIPAL)] != '\0'))
    return g_strdup (name);
  inet = g_inet_address_new_from_string (name);
  return inet != NULL ? g_inet_address_to_string (inet) : NULL;
}

/* Those who are there already; an address is only kept from coming again, since it may be many peers'. */
static void
close_banned (HawserBus *bus)
{
  g_autoptr (GPtrArray) banned = g_ptr_array_new_with_free_func (g_object_unref);

  for (GList *link = bus->connections.head; link != NULL; link = link->next)
    {
      const HawserPolicyContext party = { .client_id = hawser_connection_get_client_id (link->data), .principal = hawser_connection_get_principal (link->data) };

      if (hawser_ban_list_silences (bus, &party))
        g_ptr_array_add (banned, g_object_ref (link->data));
    }
  for (guint i = 0; i < banned->len; i++)
    hawser_connection_close (banned->pdata[i], HAWSER_ERROR_DISABLED);
}

gboolean
hawser_ban_list_add (HawserBus *bus, const char *name, gint64 duration_us)
{
  g_autofree char *canonical = dup_name (name);
  Entry *entry = canonical != NULL ? get_entry (list_of (bus), canonical) : NULL;

  if (entry == NULL)
    return FALSE;
  ban (list_of (bus), entry, duration_us);
  entry->is_by_hand = TRUE;
  bus->authority.authors_version++;
  close_banned (bus);
  return TRUE;
}

gboolean
hawser_ban_list_remove (HawserBus *bus, const char *name)
{
  BanList *self = list_of (bus);
  g_autofree char *canonical = dup_name (name);
  Entry *entry = canonical != NULL ? g_hash_table_lookup (self->entries, canonical) : NULL;
  gboolean was_banned = entry != NULL && entry->until_us != 0;

  self->n_banned -= was_banned;
  if (entry != NULL)
    g_hash_table_remove (self->entries, canonical);
  return was_banned;
}

void
hawser_ban_list_foreach (HawserBus *bus, void (*func) (const char *name, gint64 left_us, gpointer data), gpointer data)
{
  BanList *self = list_of (bus);
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &name, &value))
    if (((Entry *) value)->until_us > now_us (self))
      func (name, ((Entry *) value)->until_us - now_us (self), data);
}

static void
count (const char *name, gint64 left_us, gpointer data)
{
  ++*(guint *) data;
}

void
hawser_ban_list_get_statistics (HawserBus *bus, HawserBanStatistics *out_statistics)
{
  BanList *self = list_of (bus);

  *out_statistics = (HawserBanStatistics) { .n_failures = self->n_failures, .n_refused = self->n_refused, .n_flapping = self->n_flapping };
  hawser_ban_list_foreach (bus, count, &out_statistics->n_bans);
}
