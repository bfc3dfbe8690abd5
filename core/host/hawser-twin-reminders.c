/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Timers and reminders of twins: by name, at most so many for each twin, on the lane's wheel. When one is due the behaviour gets
 * a message of topic $twin/timer/ID/NAME or $twin/reminder/ID/NAME. A timer lives in memory, and no longer than its twin does. A
 * reminder is in the twin's store with what the turn changed: it comes back with the daemon, fires once if it came due meanwhile,
 * and leaves the store in the transaction that keeps what the behaviour made of it. On the bus's lane. */

#include "hawser-twin-host-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-message-builder.h"

#define SPACE "twin.reminders"
#define RECORD_TYPE "a(sxxay)"         /* name, due on the line of stored times, period, payload */
#define MAX_ALARMS 16                  /* timers and reminders of one twin together */
#define MAX_NAME 64                    /* bytes */
#define MAX_PAYLOAD 4096               /* bytes: a note, not a store */
#define MIN_US 1000                    /* finer than the wheel */
#define MAX_US (10 * 365 * 86400 * (gint64) G_USEC_PER_SEC)
#define MIN_PERIOD_US G_USEC_PER_SEC   /* each firing is a commit */
#define STEP_US (300 * 86400 * (gint64) G_USEC_PER_SEC) /* longest that the wheel is asked for at once */

typedef struct _Owner Owner;

typedef struct {
  HawserTimer timer;
  Owner *owner;
  char *name;
  gint64 due_us;                       /* on the clock of the lane */
  gint64 period_us;                    /* 0: once */
  GBytes *payload;
  gboolean is_durable;
  gboolean has_fired;                  /* the behaviour is not done with it */
} Alarm;

struct _Owner {
  HawserTwinHost *host;
  HawserTwinStore *store;              /* NULL: nothing is kept */
  char *id;
  GPtrArray *alarms;
  gboolean is_dirty;
};

static void
alarm_free (gpointer data)
{
  Alarm *alarm = data;

  hawser_timer_disarm (&alarm->timer);
  g_bytes_unref (alarm->payload);
  g_free (alarm->name);
  g_free (alarm);
}

static void
owner_free (gpointer data)
{
  Owner *owner = data;

  g_ptr_array_unref (owner->alarms);
  g_free (owner->id);
  g_free (owner);
}

static Owner *
find_owner (HawserTwinHost *self, const char *id)
{
  return g_hash_table_size (self->owners) > 0 ? g_hash_table_lookup (self->owners, id) : NULL;
}

static Alarm *
find_alarm (Owner *owner, const char *name, gboolean is_durable)
{
  for (guint i = 0; owner != NULL && i < owner->alarms->len; i++)
    {
      Alarm *alarm = owner->alarms->pdata[i];

      if (alarm->is_durable == is_durable && strcmp (alarm->name, name) == 0)
        return alarm;
    }
  return NULL;
}

static void
mark_dirty (Owner *owner)
{
  HawserTwinHost *self = owner->host;

  if (owner->store == NULL || self->is_recovering)
    return;
  if (!owner->is_dirty)
    g_ptr_array_add (self->dirty_owners, owner);
  owner->is_dirty = TRUE;
  hawser_twin_host_store_soon (self);
}

static void on_due (HawserTimer *timer);

static void
arm (Alarm *alarm)
{
  HawserLane *lane = alarm->owner->host->twins->bus->lane;

  hawser_timer_arm (&alarm->timer, lane, MIN (alarm->due_us, hawser_lane_get_now_us (lane) + STEP_US), on_due);
}

static void
remove_alarm (Alarm *alarm)
{
  Owner *owner = alarm->owner;

  if (alarm->is_durable)
    mark_dirty (owner);
  g_ptr_array_remove (owner->alarms, alarm);
}

static HawserMessage *
make_message (const Alarm *alarm)
{
  g_autofree char *topic = g_strconcat (alarm->is_durable ? HAWSER_TWIN_REMINDER_TOPIC : "$twin/timer/", alarm->owner->id, "/", alarm->name, NULL);
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (topic);

  hawser_message_builder_set_payload (builder, alarm->payload);
  return hawser_message_builder_build (builder);
}

static void
on_due (HawserTimer *timer)
{
  Alarm *alarm = (Alarm *) (gpointer) timer;
  Owner *owner = alarm->owner;
  HawserTwinHost *self = owner->host;
  HawserTwinRef twin = hawser_twin_find (self->twins, owner->id, strlen (owner->id));
  g_autoptr (HawserMessage) message = NULL;

  if (alarm->due_us > hawser_lane_get_now_us (self->twins->bus->lane))
    {
      arm (alarm);
      return;
    }
  if (twin == 0 && alarm->is_durable)
    twin = hawser_twin_activate (self->twins, owner->id, strlen (owner->id), NULL);
  if (twin == 0 || hawser_twin_family (self->twins, hawser_twin_get (self->twins, twin))->behavior_object == NULL)
    {
      if (alarm->is_durable)
        g_warning ("twin '%s': reminder '%s' is due and there is no behaviour for it", owner->id, alarm->name);
      remove_alarm (alarm);
      return;
    }
  message = make_message (alarm);
  if (alarm->is_durable)
    alarm->has_fired = TRUE;
  else
    remove_alarm (alarm);
  hawser_twin_use (self->twins, twin);
  hawser_twin_host_on_message (self, twin, NULL, message);
  hawser_twins_settle (self->twins);
}

/* The behaviour is through with @message, or it was given up: a reminder that brought it is done with, or armed again. */
void
hawser_twin_reminders_settle (HawserTwinHost *self, const char *id, HawserMessage *message)
{
  const char *topic = hawser_message_get_topic (message);
  Owner *owner = find_owner (self, id);
  Alarm *alarm;

  if (owner == NULL || !g_str_has_prefix (topic, HAWSER_TWIN_REMINDER_TOPIC))
    return;
  alarm = find_alarm (owner, strrchr (topic, '/') + 1, TRUE);
  if (alarm == NULL || !alarm->has_fired)
    return; /* it was set again meanwhile */
  if (alarm->period_us > 0)
    {
      gint64 now_us = hawser_lane_get_now_us (self->twins->bus->lane);

      alarm->has_fired = FALSE;
      alarm->due_us += alarm->period_us * (1 + MAX (now_us - alarm->due_us, 0) / alarm->period_us);
      arm (alarm);
      mark_dirty (owner);
    }
  else
    remove_alarm (alarm);
}

/* The behaviour may have messages again: those that it could not take come once more. */
void
hawser_twin_reminders_restart (HawserTwinHost *self, const char *id)
{
  Owner *owner = find_owner (self, id);

  for (guint i = 0; owner != NULL && i < owner->alarms->len; i++)
    {
      Alarm *alarm = owner->alarms->pdata[i];

      if (alarm->has_fired)
        arm (alarm);
    }
}

/* ---- setting ---- */

static gboolean
check (const char *name, gint64 delay_us, gint64 period_us, gsize payload_len, GError **error)
{
  gsize len = strlen (name);
  const char *problem = NULL;

  if (len == 0 || len > MAX_NAME || strpbrk (name, "/+#") != NULL || !g_utf8_validate (name, -1, NULL))
    problem = "a name has 1 to 64 bytes without / + #";
  for (gsize i = 0; i < len && problem == NULL; i++)
    if ((guint8) name[i] < 0x20 || name[i] == 0x7f)
      problem = "a name has no control characters";
  if (problem == NULL && (delay_us < MIN_US || delay_us > MAX_US))
    problem = "it comes after 1 ms to 10 years";
  if (problem == NULL && period_us != 0 && (period_us < MIN_PERIOD_US || period_us > MAX_US))
    problem = "a period is 1 s to 10 years";
  if (problem == NULL && payload_len > MAX_PAYLOAD)
    problem = "a payload has at most 4096 bytes";
  if (problem == NULL)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "timer or reminder '%.80s': %s", name, problem);
  return FALSE;
}

static Owner *
need_owner (HawserTwinHost *self, const char *id, HawserTwinStore *store)
{
  Owner *owner = find_owner (self, id);

  if (owner != NULL)
    return owner;
  owner = g_new0 (Owner, 1);
  owner->host = self;
  owner->store = store;
  owner->id = g_strdup (id);
  owner->alarms = g_ptr_array_new_with_free_func (alarm_free);
  g_hash_table_insert (self->owners, owner->id, owner);
  return owner;
}

static gboolean
set_alarm (Owner *owner, const char *name, gboolean is_durable, gint64 due_us, gint64 period_us, GBytes *payload, GError **error)
{
  Alarm *alarm = find_alarm (owner, name, is_durable);

  if (alarm == NULL)
    {
      if (owner->alarms->len == MAX_ALARMS)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "twin '%s' has %d timers and reminders already", owner->id, MAX_ALARMS);
          return FALSE;
        }
      alarm = g_new0 (Alarm, 1);
      alarm->owner = owner;
      alarm->name = g_strdup (name);
      alarm->is_durable = is_durable;
      g_ptr_array_add (owner->alarms, alarm);
    }
  g_clear_pointer (&alarm->payload, g_bytes_unref);
  alarm->payload = payload != NULL ? g_bytes_ref (payload) : g_bytes_new_static ("", 0);
  alarm->due_us = due_us;
  alarm->period_us = period_us;
  alarm->has_fired = FALSE;
  arm (alarm);
  if (is_durable)
    mark_dirty (owner);
  return TRUE;
}

static gboolean
set (HawserTwinHost *self, const char *id, const char *name, gboolean is_durable, gint64 delay_us, gint64 period_us, GBytes *payload, GError **error)
{
  HawserTwinRef twin;

  if (!check (name, delay_us, period_us, payload != NULL ? g_bytes_get_size (payload) : 0, error))
    return FALSE;
  twin = hawser_twin_activate (self->twins, id, strlen (id), error);
  return twin != 0 && set_alarm (need_owner (self, id, hawser_twin_host_get_store (self, twin)), name, is_durable,
                                 hawser_lane_get_now_us (self->twins->bus->lane) + delay_us, period_us, payload, error);
}

/**
 * hawser_twin_host_set_timer:
 * @self: a host
 * @id: a twin
 * @name: which of its timers, 1 to 64 bytes without / + #; one of the same name is moved
 * @delay_us: after how long, in microseconds: 1 ms to 10 years
 * @error: return location
 *
 * The twin's behaviour gets an empty message of topic `$twin/timer/ID/NAME` then. A timer keeps no twin in memory and is gone with
 * it, and with the process.
 *
 * Errors: %HAWSER_ERROR_INVALID, %HAWSER_ERROR_QUOTA (more than 16 timers and reminders of one twin).
 *
 * Returns: %TRUE if it is set
 * Since: 0.1
 */
gboolean
hawser_twin_host_set_timer (HawserTwinHost *self, const char *id, const char *name, gint64 delay_us, GError **error)
{
  return set (self, id, name, FALSE, delay_us, 0, NULL, error);
}

/**
 * hawser_twin_host_set_reminder:
 * @self: a host
 * @id: a twin
 * @name: which of its reminders, 1 to 64 bytes without / + #; one of the same name is replaced
 * @delay_us: after how long, in microseconds: 1 ms to 10 years
 * @period_us: how often it comes again, in microseconds: 0 for once, or 1 s to 10 years
 * @payload: (nullable): what the message says, at most 4096 bytes
 * @error: return location
 *
 * The twin's behaviour gets a message of topic `$twin/reminder/ID/NAME` then, also when the twin has left memory or the daemon was
 * restarted. One that came due while the daemon was down comes once when it starts. It is done with when the behaviour has
 * returned without an error, or its message went to the dead letters.
 *
 * Errors: %HAWSER_ERROR_INVALID, %HAWSER_ERROR_QUOTA (more than 16 timers and reminders of one twin).
 *
 * Returns: %TRUE if it is set; it is in the store after the next hawser_twins_commit_async()
 * Since: 0.1
 */
gboolean
hawser_twin_host_set_reminder (HawserTwinHost *self, const char *id, const char *name, gint64 delay_us, gint64 period_us, GBytes *payload, GError **error)
{
  return set (self, id, name, TRUE, delay_us, period_us, payload, error);
}

static gboolean
cancel (HawserTwinHost *self, const char *id, const char *name, gboolean is_durable)
{
  Alarm *alarm = find_alarm (find_owner (self, id), name, is_durable);

  if (alarm != NULL)
    remove_alarm (alarm);
  return alarm != NULL;
}

/**
 * hawser_twin_host_cancel_timer:
 * @self: a host
 * @id: a twin
 * @name: which of its timers
 *
 * Returns: whether there was one
 * Since: 0.1
 */
gboolean
hawser_twin_host_cancel_timer (HawserTwinHost *self, const char *id, const char *name)
{
  return cancel (self, id, name, FALSE);
}

/**
 * hawser_twin_host_cancel_reminder:
 * @self: a host
 * @id: a twin
 * @name: which of its reminders
 *
 * Returns: whether there was one
 * Since: 0.1
 */
gboolean
hawser_twin_host_cancel_reminder (HawserTwinHost *self, const char *id, const char *name)
{
  return cancel (self, id, name, TRUE);
}

/**
 * hawser_twin_host_list_reminders:
 * @self: a host
 * @id: a twin
 *
 * Returns: (transfer full) (array zero-terminated=1): names of its reminders
 * Since: 0.1
 */
char **
hawser_twin_host_list_reminders (HawserTwinHost *self, const char *id)
{
  Owner *owner = find_owner (self, id);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; owner != NULL && i < owner->alarms->len; i++)
    if (((Alarm *) owner->alarms->pdata[i])->is_durable)
      g_ptr_array_add (names, g_strdup (((Alarm *) owner->alarms->pdata[i])->name));
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

/* ---- what a behaviour returns ---- */

static gboolean
get_seconds (GVariant *value, gint64 *out_us)
{
  double seconds;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE) && g_variant_n_children (value) == 0)
    {
      *out_us = 0;
      return TRUE;
    }
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_DOUBLE: seconds = g_variant_get_double (value); break;
    case G_VARIANT_CLASS_INT32: seconds = g_variant_get_int32 (value); break;
    case G_VARIANT_CLASS_UINT32: seconds = g_variant_get_uint32 (value); break;
    case G_VARIANT_CLASS_INT64: seconds = (double) g_variant_get_int64 (value); break;
    case G_VARIANT_CLASS_UINT64: seconds = (double) g_variant_get_uint64 (value); break;
    default: return FALSE;
    }
  if (!(seconds >= 0 && seconds <= (double) MAX_US / G_USEC_PER_SEC))
    return FALSE;
  *out_us = (gint64) (seconds * G_USEC_PER_SEC);
  return TRUE;
}

/* A number of seconds, 0 or null to cancel; of a reminder also {"after": seconds, "every": seconds, "payload": text}. */
static gboolean
read_alarm (const char *name, GVariant *value, gboolean is_durable, gint64 *out_delay_us, gint64 *out_period_us, GBytes **out_payload, GError **error)
{
  g_autoptr (GVariant) after = NULL, every = NULL;
  const char *text = NULL;

  *out_period_us = 0;
  *out_payload = NULL;
  if (is_durable && g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    {
      after = g_variant_lookup_value (value, "after", NULL);
      every = g_variant_lookup_value (value, "every", NULL);
      (void) g_variant_lookup (value, "payload", "&s", &text);
    }
  else
    after = g_variant_ref (value);
  if (every != NULL && after == NULL)
    after = g_variant_ref (every);
  if (after == NULL || !get_seconds (after, out_delay_us) || (every != NULL && !get_seconds (every, out_period_us)))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "%s '%s' of a behaviour: must be seconds%s", is_durable ? "reminder" : "timer", name,
                   is_durable ? ", or a dictionary with after, every and payload" : "");
      return FALSE;
    }
  if (*out_delay_us > 0 && !check (name, *out_delay_us, *out_period_us, text != NULL ? strlen (text) : 0, error))
    return FALSE;
  if (text != NULL)
    *out_payload = g_bytes_new (text, strlen (text));
  return TRUE;
}

static gboolean
take_all (HawserTwinHost *self, const char *id, GVariant *alarms, gboolean is_durable, gboolean only_checks, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;
  gboolean ok = TRUE;

  g_variant_iter_init (&iter, alarms);
  while (ok && g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GBytes) payload = NULL;
      gint64 delay_us = 0, period_us = 0;

      ok = read_alarm (name, value, is_durable, &delay_us, &period_us, &payload, error);
      if (ok && !only_checks)
        ok = delay_us == 0 ? (cancel (self, id, name, is_durable), TRUE) : set (self, id, name, is_durable, delay_us, period_us, payload, error);
      g_variant_unref (value);
    }
  return ok;
}

/* Members `timers` and `reminders` of what a behaviour returned; with @only_checks nothing is set yet. */
gboolean
hawser_twin_reminders_take (HawserTwinHost *self, const char *id, GVariant *timers, GVariant *reminders, gboolean only_checks, GError **error)
{
  return (timers == NULL || take_all (self, id, timers, FALSE, only_checks, error)) && (reminders == NULL || take_all (self, id, reminders, TRUE, only_checks, error));
}

/* ---- the twin goes ---- */

/* From memory: its timers go, its reminders stay. */
void
hawser_twin_reminders_passivate (HawserTwinHost *self, const char *id)
{
  Owner *owner = find_owner (self, id);

  for (guint i = owner != NULL ? owner->alarms->len : 0; i-- > 0;)
    if (!((Alarm *) owner->alarms->pdata[i])->is_durable)
      g_ptr_array_remove_index (owner->alarms, i);
  if (owner != NULL && owner->alarms->len == 0 && !owner->is_dirty)
    g_hash_table_remove (self->owners, id);
}

/* For ever. */
void
hawser_twin_reminders_forget (HawserTwinHost *self, const char *id)
{
  Owner *owner = find_owner (self, id);

  for (guint i = owner != NULL ? owner->alarms->len : 0; i-- > 0;)
    remove_alarm (owner->alarms->pdata[i]);
}

/* ---- in the store ---- */

static GBytes *
write_reminders (const Owner *owner)
{
  gint64 offset_us = owner->store->funcs->get_line_offset_us (owner->store->journal);
  g_autoptr (GVariant) record = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (RECORD_TYPE));
  for (guint i = 0; i < owner->alarms->len; i++)
    {
      const Alarm *alarm = owner->alarms->pdata[i];
      gsize len;
      gconstpointer data = g_bytes_get_data (alarm->payload, &len);

      if (alarm->is_durable)
        g_variant_builder_add (&builder, "(sxx@ay)", alarm->name, alarm->due_us + offset_us, alarm->period_us,
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, data, len, 1));
    }
  record = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_n_children (record) == 0)
    return NULL;
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *swapped = g_variant_byteswap (record);

      g_variant_unref (record);
      record = swapped;
    }
  return g_variant_get_data_as_bytes (record);
}

typedef struct {
  HawserTwinHost *host;
  char *id;
} Put;

static void
on_put (gpointer data, gboolean ok, const GError *error)
{
  Put *put = data;
  HawserTwinHost *self = put->host;
  Owner *owner = !ok && self->twins != NULL ? find_owner (self, put->id) : NULL;

  if (owner != NULL && !g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED))
    {
      if (!owner->is_dirty)
        g_ptr_array_add (self->dirty_owners, owner);
      owner->is_dirty = TRUE;
      hawser_twin_host_store_later (self);
    }
  g_object_unref (self);
  g_free (put->id);
  g_free (put);
}

void
hawser_twin_reminders_flush (HawserTwinHost *self)
{
  for (guint i = 0; i < self->dirty_owners->len; i++)
    {
      Owner *owner = self->dirty_owners->pdata[i];
      g_autoptr (GBytes) bytes = owner->store->journal != NULL ? write_reminders (owner) : NULL;
      const HawserTwinStore *store = owner->store;
      Put *put;

      owner->is_dirty = FALSE;
      if (store->journal == NULL)
        continue;
      put = g_new (Put, 1);
      *put = (Put) { g_object_ref (self), g_strdup (owner->id) };
      if (bytes != NULL)
        store->funcs->put (store->journal, SPACE, owner->id, bytes, on_put, put);
      else
        store->funcs->remove (store->journal, SPACE, owner->id, on_put, put);
      if (owner->alarms->len == 0)
        g_hash_table_remove (self->owners, owner->id);
    }
  g_ptr_array_set_size (self->dirty_owners, 0);
}

typedef struct {
  HawserTwinHost *host;
  HawserTwinStore *store;
} Recovery;

static void
recover (gpointer data, const char *id, GBytes *bytes)
{
  const Recovery *recovery = data;
  HawserTwinHost *self = recovery->host;
  gint64 now_us = hawser_lane_get_now_us (self->twins->bus->lane), offset_us = recovery->store->funcs->get_line_offset_us (recovery->store->journal);
  g_autoptr (GVariant) record = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (RECORD_TYPE), bytes, FALSE));
  GVariantIter iter;
  gint64 due_us, period_us;
  GVariant *payload;
  const char *name;

  if (!g_variant_is_normal_form (record))
    {
      g_warning ("twin '%s': its reminders could not be read from the store", id);
      return;
    }
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *swapped = g_variant_byteswap (record);

      g_variant_unref (record);
      record = swapped;
    }
  g_variant_iter_init (&iter, record);
  while (g_variant_iter_next (&iter, "(&sxx@ay)", &name, &due_us, &period_us, &payload))
    {
      g_autoptr (GBytes) bytes_of = g_variant_get_data_as_bytes (payload);
      g_autoptr (GError) error = NULL;

      /* what came due meanwhile comes in the first turn; what no daemon of ours wrote is left out */
      due_us = CLAMP (due_us - offset_us, now_us - MAX_US, now_us + MAX_US);
      if (!check (name, MAX (due_us - now_us, MIN_US), period_us, g_bytes_get_size (bytes_of), &error) ||
          !set_alarm (need_owner (self, id, recovery->store), name, TRUE, due_us, period_us, bytes_of, &error))
        g_warning ("twin '%s': %s", id, error->message);
      g_variant_unref (payload);
    }
}

gboolean
hawser_twin_reminders_recover (HawserTwinHost *self, HawserTwinStore *store, GError **error)
{
  Recovery recovery = { self, store };

  return store->funcs->foreach_value (store->journal, SPACE, recover, &recovery, error);
}

void
hawser_twin_reminders_init (HawserTwinHost *self)
{
  self->owners = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, owner_free);
  self->dirty_owners = g_ptr_array_new ();
}

/* The lane may go before this does. */
void
hawser_twin_reminders_end (HawserTwinHost *self)
{
  g_ptr_array_set_size (self->dirty_owners, 0);
  g_hash_table_remove_all (self->owners);
}

void
hawser_twin_reminders_clear (HawserTwinHost *self)
{
  g_hash_table_unref (self->owners);
  g_ptr_array_unref (self->dirty_owners);
}
