/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A question to many twins at once, with a deadline: the answer says of each one of four things: its value, that it has none
 * yet, that it is not available, that it did not answer in time. It is complete when all have answered or the time is over,
 * whichever is first. One reply topic for all; the correlation data is the twin's id. On the bus's lane. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-message-builder.h"
#include "hawser-receiver.h"

#define MAX_ASKED 10000

typedef enum {
  OUTCOME_TIMED_OUT,
  OUTCOME_NOT_AVAILABLE,
  OUTCOME_NONE_YET,
  OUTCOME_VALUE,
  N_OUTCOMES,
} Outcome;

static const char * const outcome_names[N_OUTCOMES] = { "timed-out", "not-available", "none-yet", "value" };

typedef struct {
  char *id;
  char *value;                     /* JSON, with OUTCOME_VALUE */
  Outcome outcome;
} Answer;

typedef struct {
  HawserTimer timer;
  HawserTwins *twins;              /* the task holds them */
  HawserReceiver *receiver;
  char *reply_to;
  GArray *answers;                 /* of Answer */
  GHashTable *waiting;             /* id -> index + 1 */
  gboolean is_over;
} Ask;

static void
clear_answer (gpointer data)
{
  g_free (((Answer *) data)->id);
  g_free (((Answer *) data)->value);
}

static void
free_ask (gpointer data)
{
  Ask *self = data;

  g_hash_table_unref (self->waiting);
  g_array_unref (self->answers);
  g_free (self->reply_to);
  g_free (self);
}

static char *
write_answers (const Ask *self)
{
  guint counts[N_OUTCOMES] = { 0 };
  GString *out = g_string_new ("{\"items\":[");

  for (guint i = 0; i < self->answers->len; i++)
    {
      const Answer *answer = &g_array_index (self->answers, Answer, i);
      HawserJsonWriter writer;

      if (i > 0)
        g_string_append_c (out, ',');
      counts[answer->outcome]++;
      hawser_json_writer_init (&writer, out);
      hawser_json_writer_begin_object (&writer);
      hawser_json_writer_member_string (&writer, "id", answer->id);
      hawser_json_writer_member_string (&writer, "outcome", outcome_names[answer->outcome]);
      if (answer->value != NULL)
        {
          hawser_json_writer_key (&writer, "value");
          hawser_json_writer_raw (&writer, answer->value, -1);
        }
      hawser_json_writer_end_object (&writer);
    }
  g_string_append (out, "],\"next\":null,\"outcomes\":{");
  for (guint i = 0; i < N_OUTCOMES; i++)
    g_string_append_printf (out, "%s\"%s\":%u", i > 0 ? "," : "", outcome_names[i], counts[i]);
  g_string_append (out, "}}");
  return g_string_free (out, FALSE);
}

/* Once: the answer is given, or nobody wants it any more. */
static void
finish (GTask *task)
{
  Ask *self = g_task_get_task_data (task);

  if (self->is_over)
    return;
  self->is_over = TRUE;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  hawser_bus_remove_topic (self->twins->bus, self->reply_to);
  g_ptr_array_remove_fast (self->twins->asks, task);
  if (!g_task_return_error_if_cancelled (task))
    g_task_return_pointer (task, write_answers (self), g_free);
  g_object_unref (task);
}

/* The bus goes. */
void
hawser_twins_finish_asks (HawserTwins *self)
{
  while (self->asks->len > 0)
    finish (self->asks->pdata[self->asks->len - 1]);
}

static void
on_deadline (HawserTimer *timer)
{
  Ask *self = (Ask *) (gpointer) timer;

  for (guint i = 0; i < self->twins->asks->len; i++)
    if (g_task_get_task_data (self->twins->asks->pdata[i]) == self)
      {
        finish (self->twins->asks->pdata[i]);
        return;
      }
}

static void
finish_posted (gpointer data)
{
  GTask *task = data;

  finish (task);
  g_object_unref (task);
}

/* Not while the bus is routing, and not before the call that asked has returned. */
static void
finish_soon (GTask *task)
{
  Ask *self = g_task_get_task_data (task);

  hawser_lane_post (self->twins->bus->lane, finish_posted, g_object_ref (task));
}

static void
on_cancelled (GCancellable *cancellable, GTask *task)
{
  finish_soon (task);
}

/* No payload, null and {} say that there is nothing yet; what is no JSON is text. */
static Outcome
read_value (HawserMessage *message, char **out_value)
{
  const char *payload = (const char *) message->payload;
  gsize len = message->payload_len;
  HawserJsonSlice value, key, member;
  HawserJsonIter iter;

  if (len == 0)
    return OUTCOME_NONE_YET;
  if (hawser_json_parse (payload, len, &value, NULL))
    {
      hawser_json_iter_init (&iter, &value);
      if (value.type == HAWSER_JSON_NULL || (value.type == HAWSER_JSON_OBJECT && !hawser_json_iter_next (&iter, &key, &member)))
        return OUTCOME_NONE_YET;
      *out_value = g_strndup (value.text, value.len);
    }
  else
    {
      GString *out = g_string_new (NULL);
      HawserJsonWriter writer;

      hawser_json_writer_init (&writer, out);
      hawser_json_writer_string (&writer, payload, (gssize) len);
      *out_value = g_string_free (out, FALSE);
    }
  return OUTCOME_VALUE;
}

static HawserDeliverResult
deliver (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  GTask *task = data;
  Ask *self = g_task_get_task_data (task);
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (delivery->message);
  g_autofree char *id = NULL;
  Answer *answer;
  guint index;

  if (self->is_over || correlation == NULL)
    return HAWSER_DELIVER_DONE;
  id = g_strndup (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation));
  index = GPOINTER_TO_UINT (g_hash_table_lookup (self->waiting, id));
  if (index == 0)
    return HAWSER_DELIVER_DONE;
  g_hash_table_remove (self->waiting, id);
  answer = &g_array_index (self->answers, Answer, index - 1);
  answer->outcome = read_value (delivery->message, &answer->value);
  if (g_hash_table_size (self->waiting) == 0)
    finish_soon (task);
  return HAWSER_DELIVER_DONE;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((Ask *) g_task_get_task_data (data))->receiver = NULL;
}

static const HawserReceiverFuncs funcs = { deliver, NULL, on_ended };

static HawserMessage *
make_question (const Ask *self, const char *id, gint64 timeout_us)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("$twin/inbox");
  g_autoptr (GBytes) correlation = g_bytes_new (id, strlen (id));

  hawser_message_builder_set_qos (builder, 1);
  hawser_message_builder_set_expiry_s (builder, (guint) MAX (timeout_us / G_USEC_PER_SEC, 1)); /* who comes later is not asked any more */
  hawser_message_builder_set_reply_to (builder, self->reply_to);
  hawser_message_builder_set_correlation (builder, correlation);
  return hawser_message_builder_build (builder);
}

static void
ask_one (Ask *self, const char *id, const char *subject, gint64 timeout_us)
{
  HawserTwins *twins = self->twins;
  HawserTwinRef twin = hawser_twin_find (twins, id, strlen (id));
  gboolean is_there = twin != 0 && !g_hash_table_contains (self->waiting, id);
  Answer answer = { .id = g_strdup (id), .outcome = OUTCOME_NOT_AVAILABLE };
  g_autoptr (HawserMessage) message = NULL;

  if (is_there && twins->host_funcs != NULL && twins->host_funcs->is_stopped != NULL)
    is_there = !twins->host_funcs->is_stopped (twins->host, twin);
  /* one with a behaviour can answer for itself while its device is away */
  if (is_there && (hawser_twin_get (twins, twin)->state != HAWSER_TWIN_STATE_OFFLINE || hawser_twin_family (twins, hawser_twin_get (twins, twin))->behavior_object != NULL))
    {
      message = make_question (self, id, timeout_us);
      g_hash_table_insert (self->waiting, answer.id, GUINT_TO_POINTER (self->answers->len + 1));
      answer.outcome = OUTCOME_TIMED_OUT;
      if (!hawser_twins_send (twins, id, subject, message, NULL, NULL))
        {
          g_hash_table_remove (self->waiting, id);
          answer.outcome = OUTCOME_NOT_AVAILABLE;
        }
    }
  g_array_append_val (self->answers, answer);
}

/**
 * hawser_twins_ask_async:
 * @self: twins
 * @ids: (array zero-terminated=1): who is asked, at most 10000; one that is named twice is asked once
 * @subject: what is asked, such as `read`
 * @timeout_us: how long they have, at least 1
 * @cancellable: (nullable): stops waiting
 * @callback: (scope async): called when all have answered, or at the deadline
 * @user_data: data of @callback
 *
 * Asks many twins at once. A device gets an empty message on $twin/inbox/ID/SUBJECT and answers to its response topic; a twin with a
 * behaviour is asked itself.
 *
 * Context: the bus's.
 * Since: 0.1
 */
void
hawser_twins_ask_async (HawserTwins *self, const char * const *ids, const char *subject, gint64 timeout_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *uuid = g_uuid_string_random ();
  Ask *ask = g_new0 (Ask, 1);
  int result;

  g_task_set_source_tag (task, hawser_twins_ask_async);
  g_task_set_name (task, "hawser_twins_ask_async");
  ask->twins = self;
  ask->reply_to = g_strconcat ("reply/twin/", uuid, NULL);
  ask->waiting = g_hash_table_new (g_str_hash, g_str_equal);
  ask->answers = g_array_new (FALSE, FALSE, sizeof (Answer));
  g_array_set_clear_func (ask->answers, clear_answer);
  g_task_set_task_data (task, ask, free_ask);
  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }
  ask->receiver = hawser_receiver_new (self->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (ask->receiver, NULL, &funcs, task);
  result = hawser_receiver_subscribe (ask->receiver, ask->reply_to, strlen (ask->reply_to), &(HawserSubscribeOptions) { .qos = 1, .retain_handling = 2 });
  if (result != HAWSER_RESULT_OK)
    {
      hawser_receiver_remove (g_steal_pointer (&ask->receiver));
      g_task_return_new_error (task, HAWSER_ERROR, result, "%s", hawser_bus_get_last_refusal (self->bus));
      g_object_unref (task);
      return;
    }
  g_ptr_array_add (self->asks, task);
  for (guint i = 0; ids[i] != NULL && i < MAX_ASKED; i++)
    ask_one (ask, ids[i], subject, timeout_us);
  hawser_timer_arm (&ask->timer, self->bus->lane, hawser_lane_get_now_us (self->bus->lane) + MAX (timeout_us, 1), on_deadline);
  if (g_hash_table_size (ask->waiting) == 0)
    finish_soon (task);
  if (cancellable != NULL)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), task, 0);
}

/**
 * hawser_twins_ask_finish:
 * @self: twins
 * @result: what the callback got
 * @error: return location
 *
 * Errors: %G_IO_ERROR_CANCELLED; those of a subscription.
 *
 * Returns: (transfer full): `{"items":[{"id","outcome","value"},…],"next":null,"outcomes":{OUTCOME:NUMBER}}`, in the order of the ids; an outcome is
 *   `value`, `none-yet` (it answered, and has nothing), `not-available` (not there, offline or stopped) or `timed-out`
 * Since: 0.1
 */
char *
hawser_twins_ask_finish (HawserTwins *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
