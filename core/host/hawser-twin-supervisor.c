/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Behaviours: a message and the twin's state go in, changes and messages come out and are applied as one patch. A behaviour that
 * fails leaves the twin as it was, waits longer each time, and is stopped after the third restart; its message goes to the dead
 * letters, its neighbours notice nothing. Messages for a twin that waits are queued, within a bound. On the bus's lane. */

#include "hawser-twin-host-private.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "hawser-batch.h"
#include "hawser-error.h"
#include "hawser-lane-private.h"
#include "hawser-message-builder.h"
#include "hawser-topic-name.h"

#define FIRST_PAUSE_US (G_USEC_PER_SEC / 10)
#define LAST_PAUSE_US (30 * (gint64) G_USEC_PER_SEC)
#define MAX_RESTARTS 3
#define MAX_QUEUED 100       /* of one twin that waits: ten seconds of a chatty device */
#define MAX_CHILDREN 10000   /* told to a behaviour of a node */

/* A twin whose behaviour failed. */
typedef struct {
  HawserTimer timer;
  HawserTwinHost *host;
  char *id;
  GQueue queue;              /* of Waiting: the one that failed is the first */
  HawserBackoff backoff;
  gboolean is_stopped;
} Ward;

typedef struct {
  char *subject;             /* NULL: a report */
  HawserMessage *message;
} Waiting;

static void
free_waiting (gpointer data)
{
  Waiting *waiting = data;

  g_free (waiting->subject);
  hawser_message_unref (waiting->message);
  g_free (waiting);
}

void
hawser_twin_ward_free (gpointer data)
{
  Ward *ward = data;

  hawser_timer_disarm (&ward->timer);
  g_queue_clear_full (&ward->queue, free_waiting);
  g_free (ward->id);
  g_free (ward);
}

/* ---- what a behaviour is told ---- */

static void
add_json (GVariantBuilder *builder, const char *key, const char *json)
{
  GVariant *value = json_gvariant_deserialize_data (json, -1, NULL, NULL);

  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, value);
}

static GVariant *
list_document (const HawserTwinDocument *document)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < document->n; i++)
    add_json (&builder, document->entries[i].key, document->entries[i].json);
  return g_variant_builder_end (&builder);
}

static GVariant *
list_reported (HawserTwins *twins, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserTwinFamily *family = hawser_twin_family (twins, record);
  HawserTwinRow *row = hawser_twin_row (twins, record);
  HawserTwinExtra *extra = hawser_twin_extra (twins, record);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; row != NULL && i < row->n; i++)
    if (isfinite (row->values[i]))
      g_variant_builder_add (&builder, "{sv}", family->columns[i].key, g_variant_new_double (row->values[i]));
  for (guint i = 0; extra != NULL && i < extra->reported.n; i++)
    add_json (&builder, extra->reported.entries[i].key, extra->reported.entries[i].json);
  return g_variant_builder_end (&builder);
}

/* The things below a node, as those that a command to it would reach: through the nodes between, without recursion. */
static GVariant *
list_children (HawserTwins *twins, const HawserTwinNode *node)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
  GVariantBuilder builder;
  guint n = 0;

  for (guint i = node->n; i-- > 0;)
    g_array_append_val (stack, node->children[i]);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  while (stack->len > 0 && n < MAX_CHILDREN)
    {
      HawserTwinRef twin = g_array_index (stack, HawserTwinRef, stack->len - 1);
      HawserTwinRecord *record = hawser_twin_get (twins, twin);
      HawserTwinExtra *extra = hawser_twin_extra (twins, record);
      GVariantBuilder child;

      g_array_set_size (stack, stack->len - 1);
      if (!(record->flags & HAWSER_TWIN_IS_DEVICE) && extra != NULL && extra->node != NULL && extra->node->n > 0)
        {
          for (guint i = extra->node->n; i-- > 0;)
            g_array_append_val (stack, extra->node->children[i]);
          continue;
        }
      hawser_twin_peek (twins, twin);
      g_variant_builder_init (&child, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&child, "{sv}", "id", g_variant_new_string (hawser_twin_name (twins, record)->text));
      g_variant_builder_add (&child, "{sv}", "state", g_variant_new_string (hawser_twin_state_to_nick (record->state)));
      g_variant_builder_add (&child, "{sv}", "reported", list_reported (twins, twin));
      g_variant_builder_add (&builder, "@a{sv}", g_variant_builder_end (&child));
      n++;
    }
  return g_variant_builder_end (&builder);
}

GVariant *
hawser_twin_describe (HawserTwins *twins, HawserTwinRef twin, gboolean with_children)
{
  const HawserTwinDocument none = { 0 };
  HawserTwinRecord *record = hawser_twin_get (twins, twin);
  HawserTwinExtra *extra = hawser_twin_extra (twins, record);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "state", g_variant_new_string (hawser_twin_state_to_nick (record->state)));
  g_variant_builder_add (&builder, "{sv}", "reported", list_reported (twins, twin));
  g_variant_builder_add (&builder, "{sv}", "desired", list_document (extra != NULL ? &extra->desired : &none));
  g_variant_builder_add (&builder, "{sv}", "attributes", list_document (extra != NULL ? &extra->attributes : &none));
  if (with_children && extra != NULL && extra->node != NULL)
    g_variant_builder_add (&builder, "{sv}", "children", list_children (twins, extra->node));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* ---- what it says ---- */

/* Messages to other twins go through their inboxes: down the tree, to their behaviours, waiting for devices. */
static void
send_out (HawserTwinHost *self, HawserMessage *message)
{
  const char *topic = hawser_message_get_topic (message), *id;

  if (!g_str_has_prefix (topic, "$twin/inbox/"))
    {
      if (*topic != '$')
        hawser_twins_send_message_later (self->twins, hawser_message_ref (message));
      return;
    }
  id = topic + strlen ("$twin/inbox/");
  for (const char *slash = strrchr (id, '/'); slash != NULL && slash > id; slash = g_strrstr_len (id, slash - id, "/"))
    {
      g_autofree char *name = g_strndup (id, (gsize) (slash - id));

      if (!hawser_twins_contains (self->twins, name))
        continue;
      hawser_twins_send (self->twins, name, slash + 1, message, NULL, NULL);
      return;
    }
}

static gboolean
apply (HawserTwinHost *self, const char *id, GVariant *changes, GError **error)
{
  g_autofree char *json = NULL;

  if (changes == NULL || g_variant_n_children (changes) == 0)
    return TRUE;
  json = json_gvariant_serialize_data (changes, NULL);
  return json != NULL && hawser_twins_patch (self->twins, id, json, -1, HAWSER_TWIN_ANY_REVISION, "/behavior", NULL, error);
}

/* The parts of what a behaviour returned. */
typedef struct {
  GVariant *changes;         /* of documents; NULL: none */
  GVariant *events, *timers, *reminders;
} Answer;

static void
answer_clear (Answer *answer)
{
  g_clear_pointer (&answer->changes, g_variant_unref);
  g_clear_pointer (&answer->events, g_variant_unref);
  g_clear_pointer (&answer->timers, g_variant_unref);
  g_clear_pointer (&answer->reminders, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

static gboolean
take_part (GVariantDict *dict, const char *name, const char *type, GVariant **out_part, GError **error)
{
  g_autoptr (GVariant) part = g_variant_dict_lookup_value (dict, name, NULL);

  if (part == NULL)
    return TRUE;
  if (!g_variant_is_of_type (part, G_VARIANT_TYPE (type)))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s' of a behaviour is %s and not %s", name, g_variant_get_type_string (part), type);
      return FALSE;
    }
  g_variant_dict_remove (dict, name);
  *out_part = g_steal_pointer (&part);
  return TRUE;
}

static gboolean
read_answer (GVariant *returned, Answer *out, GError **error)
{
  GVariantDict dict;
  gboolean ok;

  if (returned == NULL)
    return TRUE;
  if (!g_variant_is_of_type (returned, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "the behaviour returned %s and not a{sv}", g_variant_get_type_string (returned));
      return FALSE;
    }
  g_variant_dict_init (&dict, returned);
  ok = take_part (&dict, "events", "a*", &out->events, error) && take_part (&dict, "timers", "a{sv}", &out->timers, error) &&
       take_part (&dict, "reminders", "a{sv}", &out->reminders, error);
  out->changes = g_variant_ref_sink (g_variant_dict_end (&dict));
  return ok;
}

/* All of the events are tried before the first one happens. */
static gboolean
make_happen (HawserTwinHost *self, HawserTwinRef twin, const char *id, GVariant *events, GError **error)
{
  gsize n = events != NULL ? g_variant_n_children (events) : 0;
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  HawserTwinFold *fold = n > 0 ? hawser_twin_fold_new (self->twins, twin) : NULL;
  gboolean ok = TRUE;

  for (gsize i = 0; i < n && ok; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (events, i), event = NULL;
      GError *failure = NULL;
      GVariant *change;

      event = g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (child) : g_variant_ref (child);
      change = hawser_twin_fold_apply (fold, event, &failure);
      g_ptr_array_add (changes, change != NULL ? change : g_variant_ref_sink (g_variant_new ("a{sv}", NULL)));
      if (failure != NULL)
        g_propagate_error (error, failure);
      ok = failure == NULL;
    }
  g_clear_pointer (&fold, hawser_twin_fold_free);
  for (gsize i = 0; i < n && ok; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (events, i), event = NULL;

      event = g_variant_is_of_type (child, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (child) : g_variant_ref (child);
      self->is_journaled = TRUE;
      ok = apply (self, id, changes->pdata[i], error);
      self->is_journaled = FALSE;
      if (ok)
        hawser_twin_log_append (self, twin, event);
      else if (i > 0)
        hawser_twin_host_note (self, twin); /* as far as it came */
    }
  return ok;
}

/* One message, once. @out_took: whether the behaviour had anything to say. */
static gboolean
run (HawserTwinHost *self, HawserTwinRef twin, const char *subject, HawserMessage *message, gboolean *out_took, GError **error)
{
  HawserTwins *twins = self->twins;
  HawserTwinFamily *family = hawser_twin_family (twins, hawser_twin_get (twins, twin));
  g_autoptr (HawserTwinBehavior) behavior = g_object_ref (HAWSER_TWIN_BEHAVIOR (family->behavior_object));
  g_autofree char *id = g_strdup (hawser_twins_get_id (twins, twin));
  g_autoptr (GVariant) state = hawser_twin_describe (twins, twin, subject != NULL);
  g_autoptr (GVariant) changes = NULL;
  g_autoptr (HawserBatch) out = hawser_batch_new ();
  g_autoptr (HawserMessage) addressed = NULL;
  g_auto (Answer) answer = { 0 };
  GError *failure = NULL;
  gint64 began_us;

  if (subject != NULL)
    {
      g_autofree char *topic = g_strconcat ("$twin/inbox/", id, "/", subject, NULL);
      g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (message);

      hawser_message_builder_set_topic (builder, topic);
      addressed = hawser_message_builder_build (builder);
    }
  began_us = g_get_monotonic_time ();
  changes = hawser_twin_behavior_handle (behavior, id, state, addressed != NULL ? addressed : message, out, &failure);
  hawser_lane_judge_call (began_us, "behaviour", family->name, id);
  if (changes != NULL && g_variant_is_floating (changes))
    g_variant_ref_sink (changes);
  if (failure == NULL && read_answer (changes, &answer, &failure))
    hawser_twin_reminders_take (self, id, answer.timers, answer.reminders, TRUE, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, failure);
      return FALSE;
    }
  if (!make_happen (self, twin, id, answer.events, error) || !apply (self, id, answer.changes, error) ||
      !hawser_twin_reminders_take (self, id, answer.timers, answer.reminders, FALSE, error))
    return FALSE;
  hawser_twin_reminders_settle (self, id, message);
  *out_took = changes != NULL || hawser_batch_get_size (out) > 0;
  for (guint i = 0; i < hawser_batch_get_size (out); i++)
    send_out (self, hawser_batch_get_message (out, i));
  twins->n_sent_on = hawser_batch_get_size (out);
  return TRUE;
}

/* ---- when it fails ---- */

static void
tell_failure (Ward *ward, const char *text)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autofree char *topic = g_strconcat ("$twin/failed/", ward->id, NULL);
  HawserJsonWriter writer;

  ward->host->n_failed++;
  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  hawser_json_writer_member_string (&writer, "id", ward->id);
  hawser_json_writer_member_int (&writer, "failures", ward->backoff.n_failures);
  hawser_json_writer_member_boolean (&writer, "stopped", ward->is_stopped);
  hawser_json_writer_member_string (&writer, "error", text);
  hawser_json_writer_end_object (&writer);
  if (hawser_topic_name_is_valid (topic, -1, NULL))
    hawser_twins_send_later (ward->host->twins, topic, json->str, json->len, NULL);
}

static void
bury (Ward *ward, HawserMessage *message, const char *reason)
{
  g_autofree char *topic = g_strconcat ("deadletter/twin/", ward->id, NULL);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new_from (message);

  hawser_message_builder_set_topic (builder, topic);
  hawser_message_builder_add_property (builder, "reason", reason);
  hawser_message_builder_add_property (builder, "topic", hawser_message_get_topic (message));
  ward->host->n_dead++;
  hawser_twin_reminders_settle (ward->host, ward->id, message);
  hawser_twins_send_message_later (ward->host->twins, hawser_message_builder_build (builder));
}

static void on_pause_over (HawserTimer *timer);

/* Until @due_us, and a little longer each: a thousand twins do not come back in one turn. */
static void
wait_until (Ward *ward, gint64 due_us)
{
  hawser_timer_arm (&ward->timer, ward->host->twins->bus->lane, due_us + g_random_int_range (0, FIRST_PAUSE_US), on_pause_over);
}

/* The first of the queue failed. */
static void
fail (Ward *ward, const GError *error)
{
  gint64 pause_us = hawser_backoff_fail (&ward->backoff), ceiling_us = hawser_backoff_ceiling (&ward->backoff, ward->backoff.n_failures);
  HawserLane *lane = ward->host->twins->bus->lane;
  Waiting *first = ward->queue.head->data;

  if (ward->backoff.n_failures > MAX_RESTARTS)
    {
      ward->is_stopped = TRUE;
      bury (ward, first->message, error->message);
      tell_failure (ward, error->message);
      g_queue_clear_full (&ward->queue, free_waiting);
      return;
    }
  tell_failure (ward, error->message);
  /* half of the ceiling, and chance for the rest: pauses grow, and a thousand twins do not come back in one turn */
  hawser_timer_arm (&ward->timer, lane, hawser_lane_get_now_us (lane) + ceiling_us / 2 + pause_us / 2, on_pause_over);
}

static void
on_pause_over (HawserTimer *timer)
{
  Ward *ward = (Ward *) (gpointer) timer;
  HawserTwinHost *self = ward->host;
  HawserTwinRef twin = hawser_twin_find (self->twins, ward->id, strlen (ward->id));

  while (twin != 0 && ward->queue.length > 0)
    {
      Waiting *first = ward->queue.head->data;
      HawserTwinFamily *family = hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin));
      g_autoptr (GError) error = NULL;
      gboolean took = FALSE;
      gint64 due_us = 0;

      if (family->behavior_object == NULL)
        break;
      if (!hawser_twin_outage_admits (self, family, &due_us))
        {
          wait_until (ward, due_us);
          return;
        }
      if (!run (self, twin, first->subject, first->message, &took, &error))
        {
          due_us = hawser_twin_outage_note (self, family, error);
          if (due_us > 0)
            wait_until (ward, due_us);
          else
            fail (ward, error);
          return;
        }
      hawser_twin_outage_note (self, family, NULL);
      hawser_backoff_reset (&ward->backoff);
      free_waiting (g_queue_pop_head (&ward->queue));
    }
  g_hash_table_remove (self->wards, ward->id);
}

static void
wait (Ward *ward, const char *subject, HawserMessage *message)
{
  Waiting *waiting;

  if (ward->queue.length >= MAX_QUEUED)
    {
      bury (ward, message, "too many messages wait for the twin");
      return;
    }
  waiting = g_new (Waiting, 1);
  *waiting = (Waiting) { g_strdup (subject), hawser_message_ref (message) };
  g_queue_push_tail (&ward->queue, waiting);
}

gboolean
hawser_twin_host_on_message (gpointer data, HawserTwinRef twin, const char *subject, HawserMessage *message)
{
  HawserTwinHost *self = data;
  HawserTwins *twins = self->twins;
  HawserTwinFamily *family = hawser_twin_family (twins, hawser_twin_get (twins, twin));
  g_autoptr (GError) error = NULL;
  gboolean took = FALSE;
  gint64 due_us = 0;
  Ward *ward;

  if (family->behavior_object == NULL)
    return FALSE;
  ward = g_hash_table_size (self->wards) > 0 ? g_hash_table_lookup (self->wards, hawser_twins_get_id (twins, twin)) : NULL;
  if (ward != NULL)
    {
      if (!ward->is_stopped)
        wait (ward, subject, message);
      return !ward->is_stopped;
    }
  if (hawser_twin_outage_admits (self, family, &due_us))
    {
      if (run (self, twin, subject, message, &took, &error))
        {
          hawser_twin_outage_note (self, family, NULL);
          return took;
        }
      due_us = hawser_twin_outage_note (self, family, error);
    }
  ward = g_new0 (Ward, 1);
  ward->host = self;
  ward->id = g_strdup (hawser_twins_get_id (twins, twin));
  g_queue_init (&ward->queue);
  hawser_backoff_init (&ward->backoff, FIRST_PAUSE_US, LAST_PAUSE_US, 0);
  g_hash_table_insert (self->wards, g_strdup (ward->id), ward);
  wait (ward, subject, message);
  if (due_us > 0)
    wait_until (ward, due_us);
  else
    fail (ward, error);
  return TRUE;
}

gboolean
hawser_twin_host_is_stopped (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  Ward *ward = g_hash_table_size (self->wards) > 0 ? g_hash_table_lookup (self->wards, hawser_twins_get_id (self->twins, twin)) : NULL;

  return ward != NULL && ward->is_stopped;
}

void
hawser_twin_host_on_removed (gpointer data, HawserTwinRef twin)
{
  HawserTwinHost *self = data;
  g_autofree char *id = g_strdup (hawser_twins_get_id (self->twins, twin));

  g_hash_table_remove (self->wards, id);
  hawser_twin_reminders_forget (self, id);
  hawser_twin_log_forget (self, twin);
  hawser_twin_host_forget (self, twin);
}

/**
 * hawser_twin_host_restart:
 * @self: a host
 * @id: a twin whose behaviour was stopped
 *
 * Lets its behaviour have messages again.
 *
 * Returns: whether it was stopped
 * Since: 0.1
 */
gboolean
hawser_twin_host_restart (HawserTwinHost *self, const char *id)
{
  Ward *ward = g_hash_table_lookup (self->wards, id);

  if (ward == NULL || !ward->is_stopped)
    return FALSE;
  g_hash_table_remove (self->wards, id);
  hawser_twin_reminders_restart (self, id);
  return TRUE;
}
