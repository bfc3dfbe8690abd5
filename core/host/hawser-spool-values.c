/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small values by key that survive restarts: retained messages, sessions, declarations. Any thread, see
 * hawser-spool.c. */

#include "hawser-spool-private.h"

#include "hawser-error.h"

static void
note_value (HawserSpool *self, HawserStoreOpKind kind, const SpoolPut *wanted)
{
  SpoolChange change = { .kind = kind };
  g_autoptr(GError) error = NULL;

  g_mutex_lock (&self->lock);
  if (!spool_require_open (self, &error))
    spool_refuse (self, wanted->done, wanted->data, error);
  else
    {
      change.put = g_new (SpoolPut, 1);
      *change.put = *wanted;
      change.put->space = g_strdup (wanted->space);
      change.put->key = g_strdup (wanted->key);
      change.put->value = wanted->value != NULL ? g_bytes_ref (wanted->value) : NULL;
      spool_add_change (self, &change);
    }
  g_mutex_unlock (&self->lock);
}

/**
 * hawser_spool_put: (skip)
 * @self: a spool
 * @space: name of a set of values, at most 65535 bytes; those that begin with "hawser." are the core's
 * @key: name in the set, UTF-8
 * @value: its new value
 * @done: (nullable) (scope async): called on the spool's context after the commit
 * @data: for @done
 *
 * Keeps a value over restarts: a retained message, a session, a subscription.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_put (HawserSpool *self, const char *space, const char *key, GBytes *value, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL && key != NULL && value != NULL);

  note_value (self, HAWSER_STORE_PUT, &(SpoolPut) { .space = (char *) space, .key = (char *) key, .value = value, .done = done, .data = data });
}

/**
 * hawser_spool_put_if: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @key: name in the set
 * @if_revision: the revision that the value must have; 0: there must be none; %G_MAXUINT64: any
 * @revision: the one it has from then on, above 0
 * @value: (nullable): its new value; %NULL: it is removed
 * @done: (nullable) (scope async): called on the spool's context after the commit; %HAWSER_ERROR_CONFLICT: the value has another
 *   revision and was not touched, the rest of the commit was made
 * @data: for @done
 *
 * Puts a value unless somebody else has done so since it was read: a stale writer is refused.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_put_if (HawserSpool *self, const char *space, const char *key, guint64 if_revision, guint64 revision, GBytes *value, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL && key != NULL);

  note_value (self, value != NULL ? HAWSER_STORE_PUT : HAWSER_STORE_DELETE,
              &(SpoolPut) { .space = (char *) space, .key = (char *) key, .value = value, .is_conditional = if_revision != G_MAXUINT64, .if_revision = if_revision,
                            .revision = revision, .done = done, .data = data });
}

/**
 * hawser_spool_delete: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @key: name in the set
 * @done: (nullable) (scope async): called on the spool's context after the commit
 * @data: for @done
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_delete (HawserSpool *self, const char *space, const char *key, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL && key != NULL);

  note_value (self, HAWSER_STORE_DELETE, &(SpoolPut) { .space = (char *) space, .key = (char *) key, .done = done, .data = data });
}

/**
 * hawser_spool_clear: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @done: (nullable) (scope async): called on the spool's context after the commit
 * @data: for @done
 *
 * Removes all values of a set.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_clear (HawserSpool *self, const char *space, HawserSpoolDone done, gpointer data)
{
  g_return_if_fail (space != NULL);

  note_value (self, HAWSER_STORE_CLEAR, &(SpoolPut) { .space = (char *) space, .key = (char *) "", .done = done, .data = data });
}

/**
 * hawser_spool_get: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @key: name in the set
 * @func: (scope async): called on the spool's context with the value, or without one if there is none
 * @data: for @func
 *
 * Sees every value put before this call.
 *
 * Context: any thread; never waits for the disk.
 * Since: 0.1
 */
void
hawser_spool_get (HawserSpool *self, const char *space, const char *key, HawserSpoolGot func, gpointer data)
{
  SpoolRequest *request;

  g_return_if_fail (space != NULL && key != NULL && func != NULL);

  request = g_new0 (SpoolRequest, 1);
  request->got = func;
  request->data = data;
  request->space = g_strdup (space);
  request->key = g_strdup (key);
  g_mutex_lock (&self->lock);
  if (spool_require_open (self, &request->error))
    spool_add_request (self, request);
  else
    spool_finish_request (self, request);
  g_mutex_unlock (&self->lock);
}

/* ---- Reading them all, at the start ---- */

#define CHUNK_VALUES 1024    /* handed over at once */
#define CHUNK_BYTES (256 * 1024)
#define MAX_CHUNKS 4         /* read and not yet taken: memory stays bounded however many values there are */

typedef struct {
  char *key;
  GBytes *value;
} Value;

static void
value_clear (gpointer data)
{
  Value *value = data;

  g_free (value->key);
  g_bytes_unref (value->value);
}

/* The writer reads ahead while the caller takes what is there. Lives in the caller's frame. */
typedef struct {
  const char *space;
  HawserSpool *spool;
  GQueue chunks;         /* of GArray; with the spool's lock held, as all that follows */
  gboolean is_done;
  GError *error;
  GArray *filling;       /* the writer's own */
  gsize n_bytes;
} Reading;

static void
hand_over (Reading *reading)
{
  HawserSpool *self = reading->spool;

  g_mutex_lock (&self->lock);
  while (reading->chunks.length >= MAX_CHUNKS)
    g_cond_wait (&self->called, &self->lock);
  g_queue_push_tail (&reading->chunks, g_steal_pointer (&reading->filling));
  g_cond_broadcast (&self->called);
  g_mutex_unlock (&self->lock);
  reading->n_bytes = 0;
}

static gboolean
on_value (gpointer data, const char *key, guint64 revision, const guint8 *bytes, gsize len)
{
  Reading *reading = data;
  Value value = { g_strdup (key), g_bytes_new (bytes, len) };

  if (reading->filling == NULL)
    {
      reading->filling = g_array_new (FALSE, FALSE, sizeof (Value));
      g_array_set_clear_func (reading->filling, value_clear);
    }
  g_array_append_val (reading->filling, value);
  reading->n_bytes += len;
  if (reading->filling->len >= CHUNK_VALUES || reading->n_bytes >= CHUNK_BYTES)
    hand_over (reading);
  return TRUE;
}

/* On the writer's thread. */
static void
read_values (HawserSpool *self, gpointer data)
{
  Reading *reading = data;

  hawser_store_foreach_value (self->store, reading->space, on_value, reading, &reading->error);
  if (reading->filling != NULL)
    hand_over (reading);
}

static void
give_values (GArray *values, HawserSpoolValueFunc func, gpointer data)
{
  for (guint i = 0; i < values->len; i++)
    func (data, g_array_index (values, Value, i).key, g_array_index (values, Value, i).value);
}

/**
 * hawser_spool_foreach_value: (skip)
 * @self: a spool
 * @space: name of a set of values
 * @func: (scope call): called for each value, in any order; it may put and delete values
 * @data: for @func
 * @error: return location
 *
 * For start-up: it waits for the disk. Sees every value put before this call. Memory is bounded, however many there are.
 *
 * Context: any thread; blocks.
 *
 * Returns: %FALSE if they could not be read
 * Since: 0.1
 */
gboolean
hawser_spool_foreach_value (HawserSpool *self, const char *space, HawserSpoolValueFunc func, gpointer data, GError **error)
{
  SpoolRequest *request;
  Reading reading = { .space = space, .spool = self, .chunks = G_QUEUE_INIT };

  g_return_val_if_fail (space != NULL && func != NULL, FALSE);

  g_mutex_lock (&self->lock);
  if (!spool_require_open (self, error))
    {
      g_mutex_unlock (&self->lock);
      return FALSE;
    }
  request = g_new0 (SpoolRequest, 1);
  request->call = read_values;
  request->data = &reading;
  request->is_called = &reading.is_done;
  spool_add_request (self, request);
  while (!reading.is_done || reading.chunks.length > 0)
    {
      g_autoptr (GArray) chunk = g_queue_pop_head (&reading.chunks);

      if (chunk == NULL)
        {
          g_cond_wait (&self->called, &self->lock);
          continue;
        }
      g_cond_broadcast (&self->called);
      g_mutex_unlock (&self->lock);
      give_values (chunk, func, data);
      g_mutex_lock (&self->lock);
    }
  g_mutex_unlock (&self->lock);
  if (reading.error == NULL)
    return TRUE;
  g_propagate_error (error, reading.error);
  return FALSE;
}
