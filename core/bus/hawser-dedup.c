/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A message whose id (user property `id`, `ce-id`) came within the topic's `dedup-window` before, from whomever, is
 * acknowledged and goes no further. An id is a digest of topic and id, in memory and in the journal, where it is committed
 * with what the message itself puts there. Bounded: the oldest are forgotten first. Messages without an id always pass.
 * Context: the bus's lane. Shape of a stored value: i64 time on the line, i64 window, microseconds, little-endian; the
 * key is the digest in hexadecimal digits. */

#include "hawser-dedup.h"

#include <string.h>

#define SPACE "dedup"
#define MAX_IDS 1000000              /* about 100 bytes each */
#define DIGEST_LEN 16
#define KEY_LEN (2 * DIGEST_LEN)

typedef struct {
  guint8 digest[DIGEST_LEN];         /* first: it is its own hash key */
  gint64 line_us;
  gint64 window_us;
  gboolean is_stored;
  GList link;
} DedupId;

struct _HawserDedup {
  const HawserJournal *journal;
  GHashTable *ids;                   /* of DedupId; NULL: no topic asked yet */
  GQueue order;                      /* the same, oldest first */
  guint64 n_duplicates;
};

static guint
hash_digest (gconstpointer key)
{
  guint value;

  memcpy (&value, key, sizeof value);
  return value;
}

static gboolean
equal_digests (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, DIGEST_LEN) == 0;
}

HawserDedup *
hawser_dedup_new (const HawserJournal *journal)
{
  HawserDedup *self = g_new0 (HawserDedup, 1);

  self->journal = journal;
  g_queue_init (&self->order);
  return self;
}

void
hawser_dedup_free (HawserDedup *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->ids, g_hash_table_unref);
  g_free (self);
}

guint64
hawser_dedup_get_n_duplicates (HawserDedup *self)
{
  return self->n_duplicates;
}

static void
digest_message (const HawserMessage *message, const HawserProperty *id, guint8 *out)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256); /* ids come from strangers: none may be made to collide */
  guint8 whole[32];
  gsize len = sizeof whole;

  g_checksum_update (checksum, (const guchar *) message->data, message->topic_len + 1);
  g_checksum_update (checksum, id->value, (gssize) id->value_len);
  g_checksum_get_digest (checksum, whole, &len);
  memcpy (out, whole, DIGEST_LEN);
}

static void
write_key (const guint8 *digest, char *out)
{
  for (guint i = 0; i < DIGEST_LEN; i++)
    g_snprintf (out + 2 * i, 3, "%02x", digest[i]);
}

static void
forget (HawserDedup *self, DedupId *id)
{
  char key[KEY_LEN + 1];

  write_key (id->digest, key);
  hawser_journal_remove (self->journal, SPACE, key, NULL, NULL);
  g_queue_unlink (&self->order, &id->link);
  g_hash_table_remove (self->ids, id);
}

static DedupId *
remember (HawserDedup *self, const guint8 *digest, gint64 line_us, gint64 window_us)
{
  DedupId *id = g_new0 (DedupId, 1);

  if (self->ids == NULL)
    self->ids = g_hash_table_new_full (hash_digest, equal_digests, g_free, NULL);
  memcpy (id->digest, digest, DIGEST_LEN);
  id->line_us = line_us;
  id->window_us = window_us;
  id->link.data = id;
  g_hash_table_add (self->ids, id);
  g_queue_push_tail_link (&self->order, &id->link);
  return id;
}

typedef struct {
  HawserDedup *dedup;
  guint8 digest[DIGEST_LEN];
  HawserJournalDone done;            /* NULL: the first one */
  gpointer data;
} Put;

/* What was not stored was refused, and is no duplicate when it comes again. Those that waited come after the first. */
static void
on_put (gpointer data, gboolean ok, const GError *error)
{
  Put *put = data;
  HawserDedup *self = put->dedup;
  DedupId *id = self->ids != NULL ? g_hash_table_lookup (self->ids, put->digest) : NULL;

  if (put->done != NULL)
    put->done (put->data, ok && id != NULL, error);
  else if (id != NULL && ok)
    id->is_stored = TRUE;
  else if (id != NULL)
    forget (self, id);
  g_free (put);
}

static void
store (HawserDedup *self, const DedupId *id, HawserJournalDone done, gpointer data)
{
  const gint64 times[2] = { GINT64_TO_LE (id->line_us), GINT64_TO_LE (id->window_us) };
  g_autoptr (GBytes) value = g_bytes_new (times, sizeof times);
  char key[KEY_LEN + 1];
  Put *put = g_new0 (Put, 1);

  put->dedup = self;
  put->done = done;
  put->data = data;
  memcpy (put->digest, id->digest, DIGEST_LEN);
  write_key (id->digest, key);
  hawser_journal_put (self->journal, SPACE, key, value, on_put, put);
}

static gboolean
find_id (const HawserMessage *message, HawserProperty *out)
{
  gsize position = 0;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, out))
    if (out->kind == HAWSER_PROPERTY_USER && out->name_len == 2 && memcmp (out->name, "id", 2) == 0)
      return TRUE;
  return FALSE;
}

gboolean
hawser_dedup_is_known (HawserDedup *self, const HawserMessage *message, gint64 window_us)
{
  gint64 now_us = hawser_journal_get_line_us (self->journal);
  HawserProperty property;
  guint8 digest[DIGEST_LEN];
  DedupId *id;

  if (!find_id (message, &property))
    return FALSE;
  while ((id = g_queue_peek_head (&self->order)) != NULL && (now_us - id->line_us > id->window_us || self->order.length >= MAX_IDS))
    forget (self, id);
  digest_message (message, &property, digest);
  id = self->ids != NULL ? g_hash_table_lookup (self->ids, digest) : NULL;
  if (id != NULL && now_us - id->line_us <= window_us)
    {
      self->n_duplicates++;
      return TRUE;
    }
  if (id != NULL)
    forget (self, id);
  id = remember (self, digest, now_us, window_us);
  if (hawser_journal_exists (self->journal))
    store (self, id, NULL, NULL);
  return FALSE;
}

gboolean
hawser_dedup_await (HawserDedup *self, const HawserMessage *message, HawserJournalDone done, gpointer data)
{
  HawserProperty property;
  guint8 digest[DIGEST_LEN];
  DedupId *id = NULL;

  if (find_id (message, &property))
    {
      digest_message (message, &property, digest);
      id = g_hash_table_lookup (self->ids, digest);
    }
  if (id == NULL || id->is_stored)
    return FALSE;
  store (self, id, done, data);
  return TRUE;
}

static void
recover (gpointer data, const char *key, GBytes *value)
{
  HawserDedup *self = data;
  gint64 times[2];
  guint8 digest[DIGEST_LEN];

  if (strlen (key) != KEY_LEN || g_bytes_get_size (value) != sizeof times)
    return;
  for (guint i = 0; i < DIGEST_LEN; i++)
    {
      int high = g_ascii_xdigit_value (key[2 * i]), low = g_ascii_xdigit_value (key[2 * i + 1]);

      if (high < 0 || low < 0)
        return;
      digest[i] = (guint8) (high << 4 | low);
    }
  memcpy (times, g_bytes_get_data (value, NULL), sizeof times);
  if (self->order.length < MAX_IDS)
    remember (self, digest, GINT64_FROM_LE (times[0]), GINT64_FROM_LE (times[1]))->is_stored = TRUE;
}

static int
compare_ages (gconstpointer a, gconstpointer b, gpointer data)
{
  const DedupId *left = a, *right = b;

  return (left->line_us > right->line_us) - (left->line_us < right->line_us);
}

gboolean
hawser_dedup_recover (HawserDedup *self, GError **error)
{
  gboolean is_done = hawser_journal_foreach_value (self->journal, SPACE, recover, self, error);

  g_queue_sort (&self->order, compare_ages, NULL);
  return is_done;
}
