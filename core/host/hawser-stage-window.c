/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tumbling windows of a pipeline: each key has one that is open, closed by the time of day or by count, and one message says what was
 * in it. Windows of a duration all end at its multiples, so that their times are round and one timer closes them all. */

#include "hawser-stage-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-json-pointer.h"
#include "hawser-json-writer.h"
#include "hawser-message-builder.h"
#include "hawser-message-private.h"
#include "hawser-units.h"

#define MAX_COUNT 1000000
#define MAX_US (G_GINT64_CONSTANT (86400) * 366 * G_USEC_PER_SEC)

typedef enum {
  FUNCTION_SUM,
  FUNCTION_MEAN,
  FUNCTION_MIN,
  FUNCTION_MAX,
  FUNCTION_COUNT,
} Function;

static const char * const function_names[] = { "sum", "mean", "min", "max", "count" };

typedef struct {
  char *name;
  Function function;
  char *pointer;            /* "": count() of messages */
} Member;

/* What a member needs of one window. */
typedef struct {
  double sum, least, most;
  guint64 n;
} Figures;

typedef struct {
  char *key;
  GList link;               /* in the order in which they opened */
  HawserMessage *last;
  guint64 n;
  gint64 from_us, last_us;  /* wall clock, of messages */
  Figures figures[];
} Window;

struct _HawserWindows {
  gint64 duration_us;       /* 0: by count */
  guint64 count;
  GArray *members;
  GHashTable *open;         /* key to Window */
  GQueue order;
  gint64 end_us;            /* wall clock: when those that are open close; 0: none is */
};

static void
clear_member (gpointer data)
{
  Member *member = data;

  g_free (member->name);
  g_free (member->pointer);
}

static void
free_window (gpointer data)
{
  Window *window = data;

  hawser_message_unref (window->last);
  g_free (window->key);
  g_free (window);
}

void
hawser_windows_free (HawserWindows *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->members);
  g_hash_table_unref (self->open);
  g_free (self);
}

/* ---- What is asked for ---- */

/* "NAME=FUNCTION(POINTER)" */
static gboolean
parse_member (const char *text, Member *out, GError **error)
{
  const char *equals = strchr (text, '='), *open = equals != NULL ? strchr (equals, '(') : NULL;
  g_autofree char *function = NULL;
  gsize len = strlen (text);

  if (open == NULL || equals == text || text[len - 1] != ')')
    return hawser_stage_refuse (error, "window: '%s' is not NAME=FUNCTION(/POINTER)", text);
  out->name = g_strstrip (g_strndup (text, (gsize) (equals - text)));
  function = g_strstrip (g_strndup (equals + 1, (gsize) (open - equals - 1)));
  out->pointer = g_strstrip (g_strndup (open + 1, len - 1 - (gsize) (open + 1 - text)));
  for (guint i = 0; i < G_N_ELEMENTS (function_names); i++)
    if (strcmp (function, function_names[i]) == 0)
      {
        out->function = (Function) i;
        if (*out->pointer == '\0' ? out->function != FUNCTION_COUNT : !hawser_json_pointer_check (out->pointer))
          return hawser_stage_refuse (error, "window: '%s': this is no JSON Pointer", text);
        return TRUE;
      }
  return hawser_stage_refuse (error, "window: '%s' is none of sum, mean, min, max, count", function);
}

static gboolean
parse_members (HawserWindows *self, const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", HAWSER_STAGE_MAX_MEMBERS + 1);

  for (guint i = 0; parts[i] != NULL; i++)
    {
      Member member = { 0 };
      gboolean is_good;

      if (i == HAWSER_STAGE_MAX_MEMBERS)
        return hawser_stage_refuse (error, "window: has more than %d members", HAWSER_STAGE_MAX_MEMBERS);
      is_good = parse_member (g_strstrip (parts[i]), &member, error);
      g_array_append_val (self->members, member);
      if (!is_good)
        return FALSE;
    }
  return TRUE;
}

HawserWindows *
hawser_windows_new (const char *text, GError **error)
{
  g_autoptr (HawserWindows) self = g_new0 (HawserWindows, 1);
  gsize len = strcspn (text, " \t");
  g_autofree char *size = g_strndup (text, len);
  char *end;

  self->members = g_array_new (FALSE, TRUE, sizeof (Member));
  g_array_set_clear_func (self->members, clear_member);
  self->open = g_hash_table_new_full (hawser_hash_string, g_str_equal, NULL, free_window);
  self->count = g_ascii_strtoull (size, &end, 10);
  if (end == size || *end != '\0')
    {
      self->count = 0;
      if (!hawser_duration_parse (size, &self->duration_us, error))
        {
          g_prefix_error (error, "window: ");
          return NULL;
        }
    }
  if (self->duration_us == 0 ? self->count < 1 || self->count > MAX_COUNT : self->duration_us < 1000 || self->duration_us > MAX_US)
    {
      hawser_stage_refuse (error, "window: '%s' is not within 1 and 1000000 messages, or 1ms and 366d", size);
      return NULL;
    }
  text += len + strspn (text + len, " \t");
  if (*text == '\0' || !parse_members (self, text, error))
    {
      if (*text == '\0')
        hawser_stage_refuse (error, "window: what it tells is missing, such as kw=mean(/kw)");
      return NULL;
    }
  return g_steal_pointer (&self);
}

/* ---- What is told ---- */

static gboolean
get_figure (const Member *member, const Window *window, const Figures *figures, double *out)
{
  switch (member->function)
    {
    case FUNCTION_SUM: *out = figures->sum; break;
    case FUNCTION_MEAN: *out = figures->sum / (double) figures->n; break;
    case FUNCTION_MIN: *out = figures->least; break;
    case FUNCTION_MAX: *out = figures->most; break;
    case FUNCTION_COUNT:
    default:
      *out = (double) (*member->pointer == '\0' ? window->n : figures->n);
      return TRUE;
    }
  return figures->n > 0 && isfinite (*out);
}

static gboolean
is_named (HawserWindows *self, const char *name)
{
  for (guint i = 0; i < self->members->len; i++)
    if (strcmp (g_array_index (self->members, Member, i).name, name) == 0)
      return TRUE;
  return FALSE;
}

static void
write_time (HawserWindows *self, HawserJsonWriter *writer, const char *name, gint64 wall_us)
{
  g_autofree char *text = hawser_date_format (wall_us);

  if (!is_named (self, name))
    hawser_json_writer_member_string (writer, name, text);
}

/* What tells of a window has passed where its messages have. */
static void
copy_passed (HawserMessageBuilder *builder, HawserMessage *message)
{
  HawserProperty property;
  gsize position = 0;

  while (hawser_properties_next (hawser_message_properties (message), message->properties_len, &position, &property))
    if (property.kind == HAWSER_PROPERTY_USER && property.name_len == strlen (HAWSER_PIPELINE_PROPERTY) &&
        memcmp (property.name, HAWSER_PIPELINE_PROPERTY, property.name_len) == 0)
      {
        g_autofree char *value = g_strndup ((const char *) property.value, property.value_len);

        hawser_message_builder_add_property (builder, HAWSER_PIPELINE_PROPERTY, value);
      }
}

/* @is_partial: it is closed before its time, because everything ends. */
static HawserMessage *
tell (HawserWindows *self, Window *window, gboolean is_partial)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (hawser_message_get_topic (window->last));
  g_autoptr (GString) json = g_string_new (NULL);
  HawserJsonWriter writer;

  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  write_time (self, &writer, "from", self->duration_us > 0 ? self->end_us - self->duration_us : window->from_us);
  write_time (self, &writer, "to", self->duration_us > 0 ? self->end_us : window->last_us);
  if (!is_named (self, "count"))
    hawser_json_writer_member_int (&writer, "count", (gint64) window->n);
  if (is_partial && !is_named (self, "partial"))
    hawser_json_writer_member_boolean (&writer, "partial", TRUE);
  for (guint i = 0; i < self->members->len; i++)
    {
      const Member *member = &g_array_index (self->members, Member, i);
      double value;

      if (get_figure (member, window, &window->figures[i], &value))
        hawser_json_writer_member_double (&writer, member->name, value);
    }
  hawser_json_writer_end_object (&writer);
  hawser_message_builder_set_text (builder, json->str);
  hawser_message_builder_set_content_type (builder, "application/json");
  hawser_message_builder_set_qos (builder, hawser_message_get_qos (window->last));
  copy_passed (builder, window->last);
  return hawser_message_builder_build (builder);
}

static void
close_window (HawserWindows *self, Window *window, gboolean is_partial, GQueue *out)
{
  g_queue_push_tail (out, tell (self, window, is_partial));
  g_queue_unlink (&self->order, &window->link);
  g_hash_table_remove (self->open, window->key);
}

static Window *
open_window (HawserWindows *self, const char *key, HawserMessage *message, const HawserStageTime *time, GQueue *out)
{
  Window *window;

  if (g_hash_table_size (self->open) >= HAWSER_STAGE_MAX_KEYS)
    close_window (self, self->order.head->data, FALSE, out);
  window = g_malloc0 (sizeof (Window) + self->members->len * sizeof (Figures));
  window->key = g_strdup (key);
  window->link.data = window;
  window->last = hawser_message_ref (message);
  window->from_us = time->wall_us;
  g_queue_push_tail_link (&self->order, &window->link);
  g_hash_table_insert (self->open, window->key, window);
  return window;
}

static void
add_figure (Figures *figures, double value)
{
  figures->least = figures->n == 0 ? value : MIN (figures->least, value);
  figures->most = figures->n == 0 ? value : MAX (figures->most, value);
  figures->sum += value;
  figures->n++;
}

void
hawser_windows_add (HawserWindows *self, const char *key, HawserMessage *message, const HawserStageTime *time, GQueue *out)
{
  gsize len;
  const char *json = (const char *) hawser_message_get_data (message, &len);
  Window *window;

  hawser_windows_close_due (self, time, out);
  window = g_hash_table_lookup (self->open, key);
  if (window == NULL)
    window = open_window (self, key, message, time, out);
  if (self->duration_us > 0 && self->end_us == 0)
    self->end_us = (time->wall_us / self->duration_us + 1) * self->duration_us;
  for (guint i = 0; i < self->members->len; i++)
    {
      const Member *member = &g_array_index (self->members, Member, i);
      double value;

      if (*member->pointer != '\0' && hawser_json_pointer_get_double (member->pointer, json, len, &value))
        add_figure (&window->figures[i], value);
    }
  hawser_message_unref (window->last);
  window->last = hawser_message_ref (message);
  window->last_us = time->wall_us;
  if (++window->n == self->count)
    close_window (self, window, FALSE, out);
}

void
hawser_windows_close_due (HawserWindows *self, const HawserStageTime *time, GQueue *out)
{
  gboolean is_due = self->end_us != 0 && time->wall_us >= self->end_us;

  if (!is_due && !time->is_end)
    return;
  while (self->order.head != NULL)
    close_window (self, self->order.head->data, !is_due, out);
  self->end_us = 0;
}

gint64
hawser_windows_next_us (HawserWindows *self, const HawserStageTime *time)
{
  return self->end_us == 0 ? -1 : time->now_us + MAX (self->end_us - time->wall_us, 0);
}

guint
hawser_windows_get_n (HawserWindows *self)
{
  return g_hash_table_size (self->open);
}
