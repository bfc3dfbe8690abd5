/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of sessions that all MQTT listeners of a bus share, so that a client id is taken over wherever it connects.
 * What a session does is mqtt-session.c. Context: the lane. */

#include "mqtt-sessions.h"

#include <string.h>

#include "mqtt-session.h"

static guint64 hash_secret;   /* client ids come from strangers: nobody may choose where they land */

static guint
hash_session (gconstpointer key)
{
  const guint8 *at = (const guint8 *) ((const MqttSession *) key)->identity;
  gsize len = strlen ((const char *) at);
  guint64 h = hash_secret ^ len;

  while (len > 0)
    {
      guint64 word = 0;
      gsize n = MIN (len, 8);
      unsigned __int128 product;

      memcpy (&word, at, n);
      product = (unsigned __int128) (h ^ word) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
      h = (guint64) product ^ (guint64) (product >> 64) ^ hash_secret;
      at += n;
      len -= n;
    }
  return (guint) (h ^ h >> 32);
}

static gboolean
equal_sessions (gconstpointer a, gconstpointer b)
{
  return strcmp (((const MqttSession *) a)->identity, ((const MqttSession *) b)->identity) == 0;
}

static void
free_sessions (gpointer data)
{
  MqttSessions *self = data;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer session;

  self->is_closing = TRUE;
  g_hash_table_iter_init (&iter, self->table);
  while (g_hash_table_iter_next (&iter, &session, NULL))
    g_ptr_array_add (all, session);
  for (guint i = 0; i < all->len; i++)
    mqtt_session_discard (all->pdata[i]);
  g_hash_table_unref (self->table);
  hawser_lane_unref (self->lane);
  g_free (self);
}

MqttSessions *
mqtt_sessions_of_bus (HawserBus *bus)
{
  MqttSessions *self = g_object_get_data (G_OBJECT (bus), "hawser-mqtt-sessions");

  if (self != NULL)
    return self;
  if (hash_secret == 0)
    hash_secret = ((guint64) g_random_int () << 32 | g_random_int ()) | 1;
  self = g_new0 (MqttSessions, 1);
  self->table = g_hash_table_new (hash_session, equal_sessions);
  self->bus = bus;
  self->lane = hawser_lane_ref (hawser_bus_get_lane (bus));
  g_object_set_data_full (G_OBJECT (bus), "hawser-mqtt-sessions", self, free_sessions);
  return self;
}

MqttSession *
mqtt_sessions_find (MqttSessions *self, const char *identity)
{
  MqttSession key = { .identity = (char *) identity };

  return g_hash_table_lookup (self->table, &key);
}

void
mqtt_sessions_add (MqttSessions *self, MqttSession *session)
{
  g_hash_table_add (self->table, session);
  session->is_listed = TRUE;
}

void
mqtt_sessions_remove (MqttSessions *self, MqttSession *session)
{
  if (!session->is_listed)
    return;
  session->is_listed = FALSE;
  g_hash_table_remove (self->table, session);
}

char *
mqtt_receiver_id_new (const char *identity)
{
  return g_strconcat ("mqtt:", identity, NULL);
}

char *
mqtt_identity_new (const char *principal, const char *client_id)
{
  GString *identity;

  /* without a principal the client id stands alone; one that looks like "principal/client" is set apart */
  if (principal == NULL || *principal == '\0')
    return strchr (client_id, '/') == NULL ? g_strdup (client_id) : g_strconcat ("/", client_id, NULL);
  identity = g_string_new (NULL);
  for (const char *at = principal; *at != '\0'; at++)
    if (*at == '/')
      g_string_append (identity, "%2F");
    else if (*at == '%')
      g_string_append (identity, "%25");
    else
      g_string_append_c (identity, *at);
  g_string_append_c (identity, '/');
  g_string_append (identity, client_id);
  return g_string_free (identity, FALSE);
}
