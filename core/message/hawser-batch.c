/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A set of messages handed over together: what a sink or an in-process receiver gets in one call. */

#include "hawser-batch.h"

#include "hawser-message-private.h"

struct _HawserBatch {
  gatomicrefcount ref_count;
  GPtrArray *messages;
  gsize n_bytes;
};

G_DEFINE_BOXED_TYPE (HawserBatch, hawser_batch, hawser_batch_ref, hawser_batch_unref)

static void
free_message (gpointer message)
{
  hawser_message_unref (message);
}

/**
 * hawser_batch_new:
 *
 * Context: any thread.
 *
 * Returns: (transfer full): an empty batch
 * Since: 0.1
 */
HawserBatch *
hawser_batch_new (void)
{
  HawserBatch *self = g_new (HawserBatch, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->messages = g_ptr_array_new_with_free_func (free_message);
  self->n_bytes = 0;
  return self;
}

/**
 * hawser_batch_ref:
 * @self: a batch
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserBatch *
hawser_batch_ref (HawserBatch *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_batch_unref:
 * @self: (transfer full) (nullable): a batch
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_batch_unref (HawserBatch *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->messages);
  g_free (self);
}

/**
 * hawser_batch_get_size:
 * @self: a batch
 *
 * Returns: number of messages
 * Since: 0.1
 */
guint
hawser_batch_get_size (const HawserBatch *self)
{
  return self->messages->len;
}

/**
 * hawser_batch_get_message:
 * @self: a batch
 * @index: 0..size-1, in the order of publishing
 *
 * Returns: (transfer none): the message
 * Since: 0.1
 */
HawserMessage *
hawser_batch_get_message (const HawserBatch *self, guint index)
{
  g_return_val_if_fail (index < self->messages->len, NULL);
  return g_ptr_array_index (self->messages, index);
}

/**
 * hawser_batch_get_n_bytes:
 * @self: a batch
 *
 * Returns: bytes of all payloads
 * Since: 0.1
 */
gsize
hawser_batch_get_n_bytes (const HawserBatch *self)
{
  return self->n_bytes;
}

/**
 * hawser_batch_add:
 * @self: a batch that nobody else holds yet
 * @message: (transfer none): the message to add at the end
 *
 * Since: 0.1
 */
void
hawser_batch_add (HawserBatch *self, HawserMessage *message)
{
  g_ptr_array_add (self->messages, hawser_message_ref (message));
  self->n_bytes += message->payload_len;
}
