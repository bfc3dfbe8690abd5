/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes on their way to who watches: the bus (topics below $twin/, and the family's publish-topic), callbacks, and the
 * objects somebody holds. A change is written where it happens and told at the end of the turn, so nobody who is told can be
 * inside the publish that caused it; the order is kept. A change that nobody watches costs a comparison. On the bus's lane.
 *
 * Topics: $twin/changed/ID (reported, desired, attributes, parent, added, removed), $twin/state/ID, $twin/aggregate/ID. */

#include "hawser-twins-private.h"

#include <string.h>

#include "hawser-cloud-event.h"
#include "hawser-message-private.h"
#include "hawser-topic-filter.h"

static void flush (HawserDirty *dirty);

gboolean
hawser_twins_is_watched (HawserTwins *self, HawserTwinRef twin)
{
  guint64 version = self->bus->routes.group_versions[self->group];

  if (G_UNLIKELY (version != self->filter_version))
    {
      self->filter_version = version;
      self->has_subscribers = hawser_match_tree_lookup (self->bus->routes.filters, "$twin", strlen ("$twin")) != NULL;
    }
  return self->has_subscribers || self->publishes || self->watchers->len > 0 || hawser_twin_get (self, twin)->flags & HAWSER_TWIN_IS_WATCHED;
}

/* `{"id","revision","time"`: the caller goes on and closes. */
void
hawser_twin_begin_event (HawserTwins *self, HawserTwinRef twin, HawserJsonWriter *writer)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  g_autofree char *time = hawser_time_format (hawser_twins_get_wall_us (self));

  hawser_json_writer_begin_object (writer);
  hawser_json_writer_member_string (writer, "id", hawser_twin_name (self, record)->text);
  hawser_json_writer_key (writer, "revision");
  hawser_json_writer_uint (writer, record->revision);
  hawser_json_writer_member_string (writer, "time", time);
}

static void
free_event (HawserTwinEvent *event)
{
  g_free (event->id);
  g_free (event->json);
  hawser_message_unref (event->message);
  g_free (event);
}

static void
add_event (HawserTwins *self, HawserTwinEvent *event)
{
  g_ptr_array_add (self->events, event);
  if (self->events->len == 1 && !self->is_flushing)
    {
      self->event_dirty.flush = flush;
      hawser_lane_mark_dirty (self->bus->lane, &self->event_dirty);
    }
}

void
hawser_twins_send_message_later (HawserTwins *self, HawserMessage *message)
{
  HawserTwinEvent *event = g_new0 (HawserTwinEvent, 1);

  event->message = message;
  add_event (self, event);
}

void
hawser_twins_tell (HawserTwins *self, HawserTwinRef twin, HawserTwinChange change, char *json)
{
  HawserTwinEvent *event = g_new (HawserTwinEvent, 1);
  HawserTwinRecord *record = hawser_twin_get (self, twin);

  *event = (HawserTwinEvent) { g_strdup (hawser_twin_name (self, record)->text), change, record->revision, json, twin, record->hash, NULL };
  add_event (self, event);
}

static HawserMessage *
make_message (const char *topic, const char *payload, gsize len, const HawserMessageInit *like)
{
  HawserMessageInit init = like != NULL ? *like : (HawserMessageInit) { 0 };

  init.topic = topic;
  init.topic_len = strlen (topic);
  if (payload != NULL)
    {
      init.payload = (const guint8 *) payload;
      init.payload_len = len;
    }
  return hawser_message_new_raw (&init);
}

void
hawser_twins_send_later (HawserTwins *self, const char *topic, const char *payload, gsize len, const HawserMessageInit *like)
{
  hawser_twins_send_message_later (self, make_message (topic, payload, len, like));
}

void
hawser_twins_publish (HawserTwins *self, const char *topic, const char *payload, gsize len, const HawserMessageInit *like)
{
  hawser_bus_route (self->bus, self->bus->self_publisher, make_message (topic, payload, len, like), NULL, NULL, 0, FALSE);
}

static void
publish_event (HawserTwins *self, const HawserTwinEvent *event)
{
  const char *kind = event->change == HAWSER_TWIN_CHANGE_STATE ? "state" : event->change == HAWSER_TWIN_CHANGE_AGGREGATE ? "aggregate" : "changed";
  g_autofree char *topic = NULL;
  /* what was stored must not be lost for a queue whose reader is away; the next aggregate says what the last one said */
  const HawserMessageInit promise = { .qos = event->change == HAWSER_TWIN_CHANGE_AGGREGATE ? 0 : 1 };
  HawserTwinRecord *record = hawser_twin_get (self, event->twin);
  HawserTwinFamily *family = record->hash == event->hash && record->flags & HAWSER_TWIN_IS_USED ? hawser_twin_family (self, record) : NULL;

  if (self->has_subscribers)
    {
      topic = g_strconcat ("$twin/", kind, "/", event->id, NULL);
      hawser_twins_publish (self, topic, event->json, strlen (event->json), &promise);
    }
  if (family != NULL && family->publish_topic != NULL)
    {
      g_autoptr (GString) name = g_string_new (family->publish_topic);
      g_autoptr (GString) text = g_string_new (NULL);

      g_string_replace (name, "{id}", event->id, 0);
      hawser_twin_write (self, event->twin, text);
      hawser_twins_publish (self, name->str, text->str, text->len, &promise);
    }
}

static void
tell_watchers (HawserTwins *self, const HawserTwinEvent *event)
{
  for (guint i = 0; i < self->watchers->len; i++)
    {
      HawserTwinWatcher *watcher = self->watchers->pdata[i];

      if (!watcher->is_removed && watcher->changes & event->change && (watcher->filter == NULL || hawser_topic_filter_matches (watcher->filter, event->id)))
        watcher->func (event->id, event->change, event->revision, event->json, watcher->data);
    }
}

static void
free_watcher (gpointer data)
{
  HawserTwinWatcher *watcher = data;

  if (watcher->destroy != NULL)
    watcher->destroy (watcher->data);
  hawser_topic_filter_unref (watcher->filter);
  g_free (watcher);
}

static void
sweep_watchers (HawserTwins *self)
{
  for (guint i = self->watchers->len; i-- > 0;)
    {
      HawserTwinWatcher *watcher = self->watchers->pdata[i];

      if (!watcher->is_removed)
        continue;
      g_ptr_array_remove_index (self->watchers, i);
      free_watcher (watcher);
    }
}

/* What is told is stored with it, in one transaction. */
static void
store (HawserTwins *self)
{
  if (self->host_funcs != NULL && self->host_funcs->store != NULL)
    self->host_funcs->store (self->host);
}

void
hawser_twins_flush_events (HawserTwins *self)
{
  if (self->is_flushing)
    return;
  self->is_flushing = TRUE;
  g_object_ref (self);
  store (self);
  while (self->events->len > 0)
    {
      GPtrArray *events = self->events;

      self->events = g_ptr_array_new ();
      for (guint i = 0; i < events->len; i++)
        {
          HawserTwinEvent *event = events->pdata[i];

          if (event->message != NULL)
            {
              if (!self->bus->is_closed)
                hawser_bus_route (self->bus, self->bus->self_publisher, g_steal_pointer (&event->message), NULL, NULL, 0, FALSE);
              free_event (event);
              continue;
            }
          if (!self->bus->is_closed)
            publish_event (self, event);
          tell_watchers (self, event);
          if (self->facades != NULL && g_hash_table_contains (self->facades, GUINT_TO_POINTER (event->twin)))
            hawser_twins_notify_later (self);
          free_event (event);
        }
      g_ptr_array_unref (events);
      store (self);
    }
  if (self->host_funcs != NULL && self->host_funcs->stored != NULL)
    self->host_funcs->stored (self->host);
  self->is_flushing = FALSE;
  sweep_watchers (self);
  g_object_unref (self);
}

static void
flush (HawserDirty *dirty)
{
  hawser_twins_flush_events ((HawserTwins *) (gpointer) ((guint8 *) dirty - G_STRUCT_OFFSET (HawserTwins, event_dirty)));
}

/**
 * hawser_twins_observe:
 * @self: twins
 * @filter: (nullable): ids to be told of, with `+` and `#` as in topics; %NULL for all
 * @changes: kinds of change to be told of
 * @func: (scope notified) (closure user_data) (destroy destroy): called for each change
 * @user_data: data of @func
 * @destroy: (nullable): called with @user_data when the observer ended
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (filter).
 * Context: the bus's; @func runs there.
 *
 * Returns: a number for hawser_twins_unobserve(); 0 on error
 * Since: 0.1
 */
guint
hawser_twins_observe (HawserTwins *self, const char *filter, HawserTwinChange changes, HawserTwinObserver func, gpointer user_data, GDestroyNotify destroy, GError **error)
{
  HawserTopicFilter *compiled = filter != NULL ? hawser_topic_filter_new (filter, error) : NULL;
  HawserTwinWatcher *watcher;

  if (filter != NULL && compiled == NULL)
    return 0;
  watcher = g_new (HawserTwinWatcher, 1);
  *watcher = (HawserTwinWatcher) { ++self->last_watcher, changes, compiled, func, user_data, destroy, FALSE };
  g_ptr_array_add (self->watchers, watcher);
  return watcher->id;
}

/**
 * hawser_twins_unobserve:
 * @self: twins
 * @observer: what hawser_twins_observe() returned
 *
 * It is not called any more from here on.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_twins_unobserve (HawserTwins *self, guint observer)
{
  for (guint i = 0; i < self->watchers->len; i++)
    {
      HawserTwinWatcher *watcher = self->watchers->pdata[i];

      if (watcher->id == observer)
        watcher->is_removed = TRUE;
    }
  if (!self->is_flushing)
    sweep_watchers (self);
}
