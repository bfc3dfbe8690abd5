/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys that the party of a durable receiver must find again after a restart: in the journal, each a value of its own, so
 * that one of them changes with the message that it is about, in one transaction. Context: the bus's lane. */

#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-error.h"
#include "hawser-receiver-private.h"

#define SPACE "receiver-keys"
#define KEY_LEN 20                   /* "QUEUE.KEY" in hexadecimal */

/* What the journal is asked for. */
typedef struct {
  HawserBus *bus;
  guint32 queue;
  guint32 key;
  gboolean is_kept;
} Change;

static void
on_done (gpointer data, gboolean ok, const GError *error)
{
  g_autofree Change *change = data;
  HawserReceiver *self = g_hash_table_lookup (change->bus->keepers, GUINT_TO_POINTER (change->queue));

  if (self != NULL && self->funcs != NULL && self->funcs->kept != NULL)
    self->funcs->kept (self, self->data, change->key, change->is_kept, ok ? HAWSER_RESULT_OK : HAWSER_ERROR_UNAVAILABLE);
}

static int
ask (HawserReceiver *self, guint32 key, gboolean is_kept)
{
  HawserBus *bus = self->bus;
  guint32 queue = self->durable->queue;
  Change *change = g_new (Change, 1);
  char text[KEY_LEN];

  *change = (Change) { bus, queue, key, is_kept };
  g_snprintf (text, sizeof text, "%x.%x", queue, key);
  if (is_kept)
    {
      g_autoptr (GBytes) value = g_bytes_new_static ("", 0);

      hawser_journal_put (&bus->journal, SPACE, text, value, on_done, change);
    }
  else
    hawser_journal_remove (&bus->journal, SPACE, text, on_done, change);
  return HAWSER_RESULT_PENDING;
}

gboolean
hawser_receiver_is_recorded (HawserReceiver *self)
{
  return hawser_journal_exists (&self->bus->journal) && self->durable != NULL && self->durable->queue != 0;
}

static gboolean
add_key (HawserReceiver *self, guint32 key)
{
  if (self->durable->kept == NULL)
    {
      self->durable->kept = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (self->bus->keepers, GUINT_TO_POINTER (self->durable->queue), self);
    }
  return g_hash_table_add (self->durable->kept, GUINT_TO_POINTER (key));
}

int
hawser_receiver_keep (HawserReceiver *self, guint32 key)
{
  if (!hawser_receiver_is_recorded (self))
    return HAWSER_RESULT_OK;
  add_key (self, key);
  return ask (self, key, TRUE);
}

int
hawser_receiver_unkeep (HawserReceiver *self, guint32 key)
{
  if (!hawser_receiver_is_recorded (self) || self->durable->kept == NULL || !g_hash_table_remove (self->durable->kept, GUINT_TO_POINTER (key)))
    return HAWSER_RESULT_OK;
  return ask (self, key, FALSE);
}

void
hawser_receiver_foreach_kept (HawserReceiver *self, HawserKeptFunc func, gpointer data)
{
  GHashTableIter iter;
  gpointer key;

  if (self->durable == NULL || self->durable->kept == NULL)
    return;
  g_hash_table_iter_init (&iter, self->durable->kept);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    func (GPOINTER_TO_UINT (key), data);
}

/* The receiver goes, and its keys with it. */
void
hawser_receiver_forget_keys (HawserReceiver *self)
{
  HawserBus *bus = self->bus;
  GHashTableIter iter;
  gpointer key;

  if (self->durable == NULL || self->durable->kept == NULL)
    return;
  g_hash_table_iter_init (&iter, self->durable->kept);
  while (self->durable->queue != 0 && hawser_journal_exists (&bus->journal) && g_hash_table_iter_next (&iter, &key, NULL))
    {
      char text[KEY_LEN];

      g_snprintf (text, sizeof text, "%x.%x", self->durable->queue, GPOINTER_TO_UINT (key));
      hawser_journal_remove (&bus->journal, SPACE, text, NULL, NULL);
    }
  g_hash_table_remove (bus->keepers, GUINT_TO_POINTER (self->durable->queue));
}

typedef struct {
  HawserBus *bus;
  GHashTable *queues;                /* of the journal -> receiver */
  GPtrArray *lost;                   /* keys of receivers that are gone */
} Recover;

static void
recover_key (gpointer data, const char *text, GBytes *value)
{
  Recover *recover = data;
  char *end = NULL;
  guint32 queue = (guint32) g_ascii_strtoull (text, &end, 16);
  HawserReceiver *receiver = g_hash_table_lookup (recover->queues, GUINT_TO_POINTER (queue));

  if (receiver != NULL && *end == '.')
    add_key (receiver, (guint32) g_ascii_strtoull (end + 1, NULL, 16));
  else
    g_ptr_array_add (recover->lost, g_strdup (text));
}

gboolean
hawser_bus_recover_kept_keys (HawserBus *self, GError **error)
{
  g_autoptr (GHashTable) queues = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) lost = g_ptr_array_new_with_free_func (g_free);
  Recover recover = { self, queues, lost };

  for (HawserReceiver *receiver = self->receivers; receiver != NULL; receiver = receiver->next)
    if (receiver->durable != NULL && receiver->durable->queue != 0)
      g_hash_table_insert (queues, GUINT_TO_POINTER (receiver->durable->queue), receiver);
  if (!hawser_journal_foreach_value (&self->journal, SPACE, recover_key, &recover, error))
    return FALSE;
  for (guint i = 0; i < lost->len; i++)
    hawser_journal_remove (&self->journal, SPACE, g_ptr_array_index (lost, i), NULL, NULL);
  return TRUE;
}
