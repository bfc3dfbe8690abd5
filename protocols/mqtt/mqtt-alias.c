/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which topics of a client have aliases. Costs nothing for a topic that comes once: only its hash is remembered. Pure
 * book-keeping. */

#include "mqtt-alias.h"

#include <string.h>

#define MAX_ALIASES 64        /* ours: 1.5 KiB a client, and as many topics */
#define MIN_TOPIC 8           /* bytes; the property takes 3, so shorter ones save next to nothing */
#define MAX_TOPIC 1024        /* bytes that are kept of each */

typedef struct {
  guint64 hash;               /* of the topic that was seen here last */
  char *topic;                /* that the client knows by this alias; NULL: none */
  guint32 len;
} Slot;

struct _MqttAliases {
  guint n;
  Slot slots[];
};

MqttAliases *
mqtt_aliases_new (guint maximum)
{
  guint n = MIN (maximum, MAX_ALIASES);
  MqttAliases *self = g_malloc0 (sizeof *self + n * sizeof (Slot));

  self->n = n;
  return self;
}

void
mqtt_aliases_free (MqttAliases *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->n; i++)
    g_free (self->slots[i].topic);
  g_free (self);
}

/* FNV-1a: whoever chooses topics so that they meet loses only his own subscribers' bytes. */
static guint64
hash_topic (const char *topic, gsize len)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (gsize i = 0; i < len; i++)
    hash = (hash ^ (guint8) topic[i]) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

guint16
mqtt_aliases_choose (MqttAliases *self, const char *topic, gsize len, gboolean *out_is_known)
{
  guint64 hash;
  guint at;
  gboolean was_seen;
  Slot *slot;

  *out_is_known = FALSE;
  if (len < MIN_TOPIC || len > MAX_TOPIC)
    return 0;
  hash = hash_topic (topic, len);
  at = (guint) ((hash ^ hash >> 32) % self->n);
  slot = &self->slots[at];
  if (slot->topic != NULL && slot->len == len && memcmp (slot->topic, topic, len) == 0)
    {
      slot->hash = hash;
      *out_is_known = TRUE;
      return (guint16) (at + 1);
    }
  was_seen = slot->hash == hash;
  slot->hash = hash;
  return was_seen ? (guint16) (at + 1) : 0;
}

void
mqtt_aliases_note (MqttAliases *self, guint16 alias, const char *topic, gsize len)
{
  Slot *slot = &self->slots[alias - 1];

  g_free (slot->topic);
  slot->topic = g_strndup (topic, len);
  slot->len = (guint32) len;
}
