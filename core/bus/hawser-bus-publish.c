/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Publishing with the rights of this process: at once on the bus's context, handed over from any other thread, and the asynchronous
 * form that waits for the disk. What happens to a message is hawser-router.c. */

#include "hawser-bus-private.h"
#include "hawser-topic-name.h"

typedef struct {
  HawserBus *bus;
  HawserMessage *message;
} Posted;

static void
publish_posted (gpointer data)
{
  Posted *posted = data;

  if (!posted->bus->is_closed)
    hawser_bus_route (posted->bus, posted->bus->self_publisher, posted->message, NULL, NULL, 0, FALSE);
  else
    hawser_message_unref (posted->message);
  g_object_unref (posted->bus);
  g_free (posted);
}

/**
 * hawser_bus_publish:
 * @self: a bus
 * @message: (transfer none): what to publish
 * @error: return location
 *
 * Publishes with the rights of this process. On the bus's own context the message is routed before the call returns;
 * from any other thread it is handed over, and only its topic name is checked here.
 * Durable subscriptions get it, but the call does not wait for the disk: hawser_bus_publish_async() does.
 *
 * Errors: %HAWSER_ERROR_INVALID (topic name), %HAWSER_ERROR_DISABLED, %HAWSER_ERROR_TOO_LARGE, %HAWSER_ERROR_QUOTA,
 *   %HAWSER_ERROR_CLOSED.
 * Context: any thread.
 *
 * Returns: %TRUE if the bus took it
 * Since: 0.1
 */
gboolean
hawser_bus_publish (HawserBus *self, HawserMessage *message, GError **error)
{
  GMainContext *context = hawser_lane_get_context (self->lane);
  gboolean is_owner, took = FALSE;
  int result;

  if (self->is_closed)
    {
      g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
      return FALSE;
    }
  is_owner = g_main_context_is_owner (context);
  if (!is_owner && g_thread_self () == self->thread)
    is_owner = took = g_main_context_acquire (context);
  if (!is_owner)
    {
      Posted *posted;

      if (!hawser_topic_name_is_valid (message->data, message->topic_len, error))
        return FALSE;
      posted = g_new (Posted, 1);
      posted->bus = g_object_ref (self);
      posted->message = hawser_message_ref (message);
      hawser_lane_post (self->lane, publish_posted, posted);
      return TRUE;
    }

  result = hawser_bus_route (self, self->self_publisher, hawser_message_ref (message), NULL, NULL, 0, FALSE);
  if (took)
    g_main_context_release (context);
  if (result <= 0)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, result, "%s", self->refusal.text);
  return FALSE;
}

static void
finish_publish (GTask *task, HawserBus *self, int result)
{
  if (result == HAWSER_RESULT_OK)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, HAWSER_ERROR, result, "%s", self->refusal.text);
  g_object_unref (task);
}

static void
on_published (gpointer data, guint64 cookie, int result)
{
  finish_publish (data, g_task_get_source_object (data), result);
}

/**
 * hawser_bus_publish_async:
 * @self: a bus
 * @message: (transfer none): what to publish
 * @cancellable: (nullable): stops waiting; the message stays published
 * @callback: (scope async): called when the promise of its QoS holds
 * @user_data: data for @callback
 *
 * Publishes and waits until what was promised has happened: with QoS 1 or 2, durable subscriptions that match have it
 * on disk.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_publish_async (HawserBus *self, HawserMessage *message, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  int result;

  g_task_set_source_tag (task, hawser_bus_publish_async);
  g_task_set_name (task, "hawser_bus_publish_async");
  if (self->is_closed)
    {
      g_task_return_new_error (task, HAWSER_ERROR, HAWSER_ERROR_CLOSED, "the bus is closed");
      g_object_unref (task);
      return;
    }
  result = hawser_bus_route (self, self->self_publisher, hawser_message_ref (message), on_published, task, 0, TRUE);
  if (result != HAWSER_RESULT_PENDING)
    finish_publish (task, self, result);
}

/**
 * hawser_bus_publish_finish:
 * @self: a bus
 * @result: the result given to the callback
 * @error: return location
 *
 * Errors: as hawser_bus_publish(), and %HAWSER_ERROR_UNAVAILABLE when the disk failed.
 *
 * Returns: %TRUE if the promise holds
 * Since: 0.1
 */
gboolean
hawser_bus_publish_finish (HawserBus *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
