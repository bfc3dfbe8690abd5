/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What keeps messages from going round over bridges: the mark that they carry, and, where the broker knows no origin, what was
 * sent there and may come back. Called by hawser-bridge.c for each message; on the lane of its bus. */

#include "hawser-bridge-private.h"

#include <string.h>

#include "hawser-bridge-rule-private.h"
#include "hawser-hash.h"
#include "hawser-message-private.h"

#define VIA HAWSER_BRIDGE_VIA
#define MAX_ECHOES 10000                 /* remembered while they may come back */
#define ECHO_US (60 * G_USEC_PER_SEC)    /* ours: a broker that answers later than this had it in a queue of its own */

/* What was sent to a broker that cannot leave it out of what it sends to us. */
typedef struct {
  guint n;
  gint64 sent_us;
} Echo;

char *
hawser_bridge_dup_via (HawserMessage *message)
{
  return hawser_message_dup_property (message, VIA);
}

/* Whether it came in over another bridge of this bus, which has put our mark on it. */
gboolean
hawser_bridge_is_marked (HawserBridge *self, HawserMessage *message, const char *via)
{
  const char *source = hawser_message_get_source (message);

  return via != NULL && source != NULL && g_str_has_prefix (source, "/bridge/") && g_str_has_suffix (via, self->bus->uid);
}

/* Whether it was here before, or is on its way for too long. @is_marked: the last mark is of this very visit. */
gboolean
hawser_bridge_went_round (HawserBridge *self, const char *via, gboolean is_marked)
{
  guint n_hops = 0;

  for (const char *at = via; at != NULL && *at != '\0'; n_hops++)
    {
      gsize len = strcspn (at, ",");

      if (len == strlen (self->bus->uid) && memcmp (at, self->bus->uid, len) == 0 && (at[len] != '\0' || !is_marked))
        return TRUE;
      at += len + (at[len] == ',');
    }
  return n_hops >= self->settings.max_hops;
}

static guint64
digest (HawserMessage *message)
{
  const guint64 parts[2] = { hawser_hash_bytes (message->data, message->topic_len), hawser_hash_bytes (message->payload, message->payload_len) };

  return hawser_hash_bytes (parts, sizeof parts);
}

static gboolean
is_old (gpointer key, gpointer value, gpointer data)
{
  return ((Echo *) value)->sent_us < *(gint64 *) data;
}

/* It will come back if we subscribe to it there. */
void
hawser_bridge_expect_echo (HawserBridge *self, HawserMessage *message)
{
  gint64 now_us = hawser_bridge_get_now_us (self), oldest_us = now_us - ECHO_US;
  guint64 key;
  Echo *echo;

  if (self->knows_origin || hawser_bridge_rule_find_remote (self->in, message->data) == NULL)
    return;
  if (g_hash_table_size (self->echoes) >= MAX_ECHOES && g_hash_table_foreach_remove (self->echoes, is_old, &oldest_us) == 0)
    g_hash_table_remove_all (self->echoes);
  key = digest (message);
  echo = g_hash_table_lookup (self->echoes, &key);
  if (echo == NULL)
    {
      echo = g_new0 (Echo, 1);
      g_hash_table_insert (self->echoes, g_memdup2 (&key, sizeof key), echo);
    }
  echo->n++;
  echo->sent_us = now_us;
}

gboolean
hawser_bridge_is_echo (HawserBridge *self, HawserMessage *message)
{
  guint64 key;
  Echo *echo;

  if (self->knows_origin || g_hash_table_size (self->echoes) == 0)
    return FALSE;
  key = digest (message);
  echo = g_hash_table_lookup (self->echoes, &key);
  if (echo == NULL)
    return FALSE;
  if (hawser_bridge_get_now_us (self) - echo->sent_us > ECHO_US)
    {
      g_hash_table_remove (self->echoes, &key);
      return FALSE;
    }
  if (--echo->n == 0)
    g_hash_table_remove (self->echoes, &key);
  return TRUE;
}

/* The mark that the message carries on from here; NULL: it stays as it is. */
char *
hawser_bridge_extend_via (HawserBridge *self, const char *via)
{
  if (!self->settings.mark_origin)
    return NULL;
  return via != NULL ? g_strconcat (via, ",", self->bus->uid, NULL) : g_strdup (self->bus->uid);
}
