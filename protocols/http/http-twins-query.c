/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* channel=live over a list: every twin of it is asked at once, and the answer, when all have answered or at the deadline, says
 * of each one of four things: its value, that it has none yet, that it is not available, that it did not answer in time. One
 * reply topic; the correlation data is the twin's id. Context: the lane. */

#include "http-twins.h"

#include <string.h>

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
  HttpExchange base;
  HawserTimer timer;
  HttpSession *session;            /* NULL: over */
  HawserReceiver *receiver;
  char *reply_to;
  GArray *answers;
  GHashTable *waiting;             /* id -> index + 1 */
  gboolean is_posted;
  guint ref_count;
} Query;

static void
clear_answer (gpointer data)
{
  g_free (((Answer *) data)->id);
  g_free (((Answer *) data)->value);
}

static void
unref_query (Query *self)
{
  if (--self->ref_count > 0)
    return;
  g_hash_table_unref (self->waiting);
  g_array_unref (self->answers);
  g_free (self->reply_to);
  g_free (self);
}

static void
free_query (HttpExchange *exchange)
{
  Query *self = (Query *) exchange;
  HawserBus *bus = http_session_get_adapter (self->session)->bus;

  self->session = NULL;
  hawser_timer_disarm (&self->timer);
  if (self->receiver != NULL)
    hawser_receiver_remove (g_steal_pointer (&self->receiver));
  hawser_bus_remove_topic (bus, self->reply_to);
  unref_query (self);
}

static void
respond (Query *self)
{
  guint counts[N_OUTCOMES] = { 0 };
  g_autoptr (GString) out = g_string_new ("{\"items\":[");

  for (guint i = 0; i < self->answers->len; i++)
    {
      Answer *answer = &g_array_index (self->answers, Answer, i);
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
  http_session_add_header (self->session, "Cache-Control", "no-store");
  http_session_respond (self->session, 200, "application/json", out->str, out->len);
}

static void
on_all_answered (gpointer data)
{
  Query *self = data;

  if (self->session != NULL)
    respond (self);
  unref_query (self);
}

static void
on_deadline (HawserTimer *timer)
{
  Query *self = (Query *) ((char *) timer - G_STRUCT_OFFSET (Query, timer));

  if (!self->is_posted)
    respond (self);
}

static void
respond_soon (Query *self)
{
  if (self->is_posted)
    return;
  self->is_posted = TRUE;
  self->ref_count++;
  hawser_lane_post (http_session_get_adapter (self->session)->lane, on_all_answered, self); /* not while the bus is routing */
}

/* No payload, null and {} say that there is nothing yet; what is no JSON is text. */
static Outcome
read_value (HawserMessage *message, char **out_value)
{
  gsize len;
  const char *payload = (const char *) hawser_message_get_data (message, &len);
  HawserJsonSlice value, key, member;
  HawserJsonIter iter;

  if (len == 0)
    return OUTCOME_NONE_YET;
  if (hawser_json_parse (payload, len, &value, NULL))
    {
      hawser_json_iter_init (&iter, &value);
      if (value.type == HAWSER_JSON_NULL)
        return OUTCOME_NONE_YET;
      hawser_json_iter_init (&iter, &value);
      if (value.type == HAWSER_JSON_OBJECT && !hawser_json_iter_next (&iter, &key, &member))
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
  Query *self = data;
  g_autoptr (GBytes) correlation = hawser_message_dup_correlation (delivery->message);
  g_autofree char *id = NULL;
  Answer *answer;
  guint index;

  if (self->session == NULL || correlation == NULL)
    return HAWSER_DELIVER_DONE;
  id = g_strndup (g_bytes_get_data (correlation, NULL), g_bytes_get_size (correlation));
  index = GPOINTER_TO_UINT (g_hash_table_lookup (self->waiting, id));
  if (index == 0)
    return HAWSER_DELIVER_DONE;
  g_hash_table_remove (self->waiting, id);
  answer = &g_array_index (self->answers, Answer, index - 1);
  answer->outcome = read_value (delivery->message, &answer->value);
  if (g_hash_table_size (self->waiting) == 0)
    respond_soon (self);
  return HAWSER_DELIVER_DONE;
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  ((Query *) data)->receiver = NULL;
}

static const HawserReceiverFuncs query_funcs = { deliver, NULL, on_ended };

/* Asks one; (transfer full) @id */
static void
ask (Query *self, char *id, gint64 wait_us)
{
  HawserTwins *twins = http_twins (self->session);
  HawserTwinRef twin = hawser_twins_lookup (twins, id, FALSE, NULL);
  Answer answer = { .id = id, .outcome = OUTCOME_NOT_AVAILABLE };
  g_autoptr (GBytes) correlation = g_bytes_new (id, strlen (id));
  g_autoptr (HawserMessage) message = http_twins_make_question (self->reply_to, correlation, wait_us);

  if (twin != 0 && hawser_twins_get_state (twins, twin) != HAWSER_TWIN_STATE_OFFLINE)
    {
      g_hash_table_insert (self->waiting, id, GUINT_TO_POINTER (self->answers->len + 1));
      answer.outcome = OUTCOME_TIMED_OUT;
      if (!hawser_twins_send (twins, id, HTTP_TWIN_LIVE_SUBJECT, message, NULL, NULL))
        {
          g_hash_table_remove (self->waiting, id);
          answer.outcome = OUTCOME_NOT_AVAILABLE;
        }
    }
  g_array_append_val (self->answers, answer);
}

void
http_twins_ask_all (HttpSession *session, GPtrArray *ids, gint64 wait_us)
{
  HttpAdapter *adapter = http_session_get_adapter (session);
  g_autofree char *uuid = g_uuid_string_random ();
  Query *self = g_new0 (Query, 1);
  int result;

  self->base.free = free_query;
  self->ref_count = 1;
  self->session = session;
  self->reply_to = g_strconcat ("reply/http/", uuid, NULL);
  self->waiting = g_hash_table_new (g_str_hash, g_str_equal);
  self->answers = g_array_sized_new (FALSE, FALSE, sizeof (Answer), ids->len);
  g_array_set_clear_func (self->answers, clear_answer);
  http_session_set_exchange (session, &self->base);
  self->receiver = hawser_receiver_new (adapter->bus, NULL, HAWSER_RECEIVER_HIDDEN, NULL);
  hawser_receiver_attach (self->receiver, NULL, &query_funcs, self);
  result = hawser_receiver_subscribe (self->receiver, self->reply_to, strlen (self->reply_to), &(HawserSubscribeOptions) { .qos = 1, .retain_handling = 2 });
  if (result != HAWSER_RESULT_OK)
    {
      g_ptr_array_unref (ids);
      http_session_respond_error (session, result, hawser_bus_get_last_refusal (adapter->bus));
      return;
    }
  g_ptr_array_set_free_func (ids, NULL);
  for (guint i = 0; i < ids->len; i++)
    ask (self, ids->pdata[i], wait_us);
  g_ptr_array_unref (ids);
  hawser_timer_arm (&self->timer, adapter->lane, hawser_lane_get_now_us (adapter->lane) + wait_us, on_deadline);
  if (g_hash_table_size (self->waiting) == 0)
    respond_soon (self);
}
