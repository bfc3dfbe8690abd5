/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The stages of a pipeline: filter, map, window, throttle, conflate. Each takes a message if it has room and gives what may go on;
 * what does not go on is counted by its reason. Called by hawser-pipeline.c on the bus's lane; touches only its arguments. */

#include "hawser-stage-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-formula-private.h"
#include "hawser-hash.h"
#include "hawser-json-pointer.h"
#include "hawser-json-writer.h"
#include "hawser-message-builder.h"
#include "hawser-message-filter.h"
#include "hawser-units.h"

#define MAX_RATE 1000000 /* messages in its time; more than one lane carries */

typedef enum {
  STAGE_FILTER,
  STAGE_MAP,
  STAGE_WINDOW,
  STAGE_THROTTLE,
  STAGE_CONFLATE,
} Kind;

typedef struct {
  char *name;
  HawserFormula *formula;
} Member;

/* The newest message of a key, while it waits. */
typedef struct {
  char *key;
  GList link;
  HawserMessage *message;
} Newest;

struct _HawserStage {
  Kind kind;
  char *text;
  char *key;                   /* what `by` says: "topic", "all" or a JSON Pointer */
  HawserStageStatistics statistics;
  GQueue waiting;              /* of HawserMessage; of conflate: of Newest */
  HawserMessageFilter *filter;
  GArray *members;             /* of map */
  HawserWindows *windows;
  GHashTable *newest;          /* of conflate: key to Newest */

  /* of throttle and conflate */
  gint64 interval_us;          /* between two messages; of conflate between two openings, 0: always open */
  gint64 open_us;              /* monotonic: when the next one may go; conflate: when those that wait may, 0: nothing waits for it */
  guint n_open;                /* of conflate: those that may go since it opened */
  guint rate;                  /* of a throttle that drops: what its bucket holds */
  double tokens;
  gint64 filled_us;
  gboolean drops;
};

static void
clear_member (gpointer data)
{
  g_free (((Member *) data)->name);
  hawser_formula_free (((Member *) data)->formula);
}

static void
free_newest (gpointer data)
{
  Newest *newest = data;

  hawser_message_unref (newest->message);
  g_free (newest->key);
  g_free (newest);
}

static void
unref_message (gpointer message)
{
  hawser_message_unref (message);
}

void
hawser_stage_free (HawserStage *self)
{
  if (self == NULL)
    return;
  if (self->newest != NULL)
    g_hash_table_unref (self->newest);
  else
    g_queue_clear_full (&self->waiting, unref_message);
  hawser_message_filter_free (self->filter);
  hawser_windows_free (self->windows);
  g_clear_pointer (&self->members, g_array_unref);
  g_free (self->key);
  g_free (self->text);
  g_free (self);
}

/* ---- What is asked for ---- */

gboolean
hawser_stage_refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, text);
  return FALSE;
}

/* Takes " by KEY" off the end of @text. */
static gboolean
take_key (HawserStage *self, char *text, GError **error)
{
  char *by = g_strrstr (text, "by ");

  if (by == NULL || (by != text && !g_ascii_isspace (by[-1])))
    {
      self->key = g_strdup ("topic");
      return TRUE;
    }
  self->key = g_strstrip (g_strdup (by + strlen ("by ")));
  *by = '\0';
  g_strchomp (text);
  if (strcmp (self->key, "topic") == 0 || strcmp (self->key, "all") == 0 || (*self->key == '/' && hawser_json_pointer_check (self->key)))
    return TRUE;
  return hawser_stage_refuse (error, "by '%s': is neither topic, all nor a JSON Pointer", self->key);
}

static gboolean
parse_filter (HawserStage *self, char *text, GError **error)
{
  if (*text == '\0')
    return hawser_stage_refuse (error, "filter: the rule is missing");
  self->filter = hawser_message_filter_new (text, error);
  return self->filter != NULL;
}

/* "NAME=FORMULA, NAME=FORMULA" */
static gboolean
parse_map (HawserStage *self, char *text, GError **error)
{
  const char *at = text;

  self->members = g_array_new (FALSE, TRUE, sizeof (Member));
  g_array_set_clear_func (self->members, clear_member);
  for (;; at++)
    {
      const char *equals = strchr (at, '='), *comma = strchr (at, ',');
      Member member = { 0 };

      if (equals == NULL || (comma != NULL && comma < equals))
        return hawser_stage_refuse (error, "map: '%s' is not NAME=FORMULA", at);
      if (self->members->len == HAWSER_STAGE_MAX_MEMBERS)
        return hawser_stage_refuse (error, "map: has more than %d members", HAWSER_STAGE_MAX_MEMBERS);
      member.name = g_strstrip (g_strndup (at, (gsize) (equals - at)));
      member.formula = hawser_formula_new (equals + 1, &at, error);
      g_array_append_val (self->members, member);
      if (member.formula == NULL)
        {
          g_prefix_error (error, "map: %s: ", member.name);
          return FALSE;
        }
      if (*member.name == '\0')
        return hawser_stage_refuse (error, "map: a name is missing before '%s'", equals);
      if (*at == '\0')
        return TRUE;
    }
}

static gboolean
parse_window (HawserStage *self, char *text, GError **error)
{
  if (!take_key (self, text, error))
    return FALSE;
  self->windows = hawser_windows_new (text, error);
  return self->windows != NULL;
}

/* "N/DURATION [drop]" */
static gboolean
parse_throttle (HawserStage *self, char *text, GError **error)
{
  char *slash = strchr (text, '/'), *end;
  char *drop = g_strrstr (text, " drop");
  g_autofree char *duration = NULL;
  guint64 n = g_ascii_strtoull (text, &end, 10);
  gint64 period_us;

  if (drop != NULL && drop[strlen (" drop")] == '\0')
    {
      self->drops = TRUE;
      *drop = '\0';
    }
  if (slash == NULL || end != slash || n < 1 || n > MAX_RATE)
    return hawser_stage_refuse (error, "throttle: '%s' is not N/DURATION, with N from 1 to 1000000", text);
  duration = g_strconcat (g_ascii_isdigit (slash[1]) ? "" : "1", slash + 1, NULL); /* 10/s */
  g_strchomp (duration);
  if (!hawser_duration_parse (duration, &period_us, error))
    {
      g_prefix_error (error, "throttle: ");
      return FALSE;
    }
  if (period_us < (gint64) n || period_us > G_GINT64_CONSTANT (86400) * 366 * G_USEC_PER_SEC)
    return hawser_stage_refuse (error, "throttle: '%s' is no rate from one a year to one a microsecond", text);
  self->rate = (guint) n;
  self->tokens = (double) n;
  self->interval_us = period_us / (gint64) n;
  return TRUE;
}

/* "[DURATION]" */
static gboolean
parse_conflate (HawserStage *self, char *text, GError **error)
{
  if (!take_key (self, text, error))
    return FALSE;
  self->newest = g_hash_table_new_full (hawser_hash_string, g_str_equal, NULL, free_newest);
  if (*text == '\0')
    return TRUE;
  if (!hawser_duration_parse (text, &self->interval_us, error))
    {
      g_prefix_error (error, "conflate: ");
      return FALSE;
    }
  return self->interval_us >= 1000 && self->interval_us <= G_GINT64_CONSTANT (86400) * 366 * G_USEC_PER_SEC
    ? TRUE : hawser_stage_refuse (error, "conflate: '%s' is not within 1ms and 366d", text);
}

static const struct {
  const char *word;
  gboolean (*parse) (HawserStage *self, char *text, GError **error);
} kinds[] = {
  [STAGE_FILTER] = { "filter", parse_filter },
  [STAGE_MAP] = { "map", parse_map },
  [STAGE_WINDOW] = { "window", parse_window },
  [STAGE_THROTTLE] = { "throttle", parse_throttle },
  [STAGE_CONFLATE] = { "conflate", parse_conflate },
};

HawserStage *
hawser_stage_new (const char *text, GError **error)
{
  g_autoptr (HawserStage) self = g_new0 (HawserStage, 1);
  g_autofree char *rest = NULL;
  gsize len;

  self->text = g_strstrip (g_strdup (text));
  len = strcspn (self->text, " \t");
  rest = g_strchug (g_strdup (self->text + len));
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strlen (kinds[i].word) == len && memcmp (kinds[i].word, self->text, len) == 0)
      {
        self->kind = (Kind) i;
        return kinds[i].parse (self, rest, error) ? g_steal_pointer (&self) : NULL;
      }
  hawser_stage_refuse (error, "stage '%s': begins with none of filter, map, window, throttle, conflate", self->text);
  return NULL;
}

const char *
hawser_stage_get_text (HawserStage *self)
{
  return self->text;
}

/* ---- Messages ---- */

gboolean
hawser_stage_accepts (HawserStage *self)
{
  return self->kind == STAGE_CONFLATE || self->waiting.length < HAWSER_STAGE_BUFFER;
}

/* What `by` names of a message. */
static char *
dup_key (HawserStage *self, HawserMessage *message)
{
  gsize len;
  const char *json = (const char *) hawser_message_get_data (message, &len);
  HawserJsonSlice slice;
  char *key = NULL;

  if (strcmp (self->key, "topic") == 0)
    return g_strdup (hawser_message_get_topic (message));
  if (*self->key == '/' && hawser_json_pointer_get (self->key, json, len, &slice))
    key = hawser_json_slice_dup_scalar (&slice);
  return key != NULL ? key : g_strdup ("");
}

static HawserMessage *
map (HawserStage *self, HawserMessage *message)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autoptr (GString) value = g_string_new (NULL);
  g_autoptr (HawserMessageBuilder) builder = NULL;
  HawserJsonWriter writer;
  gsize len;
  const char *payload = (const char *) hawser_message_get_data (message, &len);
  guint n = 0;

  if (!hawser_json_check (payload, len, NULL))
    return NULL;
  hawser_json_writer_init (&writer, json);
  hawser_json_writer_begin_object (&writer);
  for (guint i = 0; i < self->members->len; i++)
    {
      const Member *member = &g_array_index (self->members, Member, i);

      g_string_truncate (value, 0);
      if (!hawser_formula_append (member->formula, payload, len, value))
        continue;
      hawser_json_writer_key (&writer, member->name);
      hawser_json_writer_raw (&writer, value->str, (gssize) value->len);
      n++;
    }
  hawser_json_writer_end_object (&writer);
  if (n == 0)
    return NULL;
  builder = hawser_message_builder_new_from (message);
  hawser_message_builder_set_text (builder, json->str);
  hawser_message_builder_set_content_type (builder, "application/json");
  return hawser_message_builder_build (builder);
}

/* ---- conflate ---- */

static void
forget_newest (HawserStage *self, Newest *newest)
{
  g_queue_unlink (&self->waiting, &newest->link);
  g_hash_table_remove (self->newest, newest->key);
}

static void
replace (HawserStage *self, HawserMessage *message, const HawserStageTime *time)
{
  g_autofree char *key = dup_key (self, message);
  Newest *newest = g_hash_table_lookup (self->newest, key);

  if (newest != NULL)
    {
      hawser_message_unref (newest->message);
      newest->message = hawser_message_ref (message);
      self->statistics.n_combined++;
      return;
    }
  if (self->waiting.length >= HAWSER_STAGE_MAX_KEYS)
    {
      forget_newest (self, self->waiting.head->data);
      self->n_open -= self->n_open > 0;
      self->statistics.n_overflow++;
    }
  if (self->interval_us > 0 && self->open_us == 0)
    self->open_us = time->now_us + self->interval_us;
  newest = g_new0 (Newest, 1);
  newest->key = g_steal_pointer (&key);
  newest->link.data = newest;
  newest->message = hawser_message_ref (message);
  g_queue_push_tail_link (&self->waiting, &newest->link);
  g_hash_table_insert (self->newest, newest->key, newest);
}

static HawserMessage *
pop_newest (HawserStage *self, const HawserStageTime *time)
{
  HawserMessage *message;
  Newest *newest;

  if (self->interval_us > 0 && self->open_us != 0 && (time->now_us >= self->open_us || time->is_end))
    {
      self->n_open = self->waiting.length;
      self->open_us = 0;
    }
  if (self->waiting.length == 0 || (self->interval_us > 0 && self->n_open == 0))
    return NULL;
  newest = self->waiting.head->data;
  message = hawser_message_ref (newest->message);
  forget_newest (self, newest);
  if (self->interval_us > 0 && --self->n_open == 0 && self->waiting.length > 0 && self->open_us == 0)
    self->open_us = time->now_us + self->interval_us;
  return message;
}

/* ---- throttle ---- */

static gboolean
take_token (HawserStage *self, const HawserStageTime *time)
{
  self->tokens = MIN (self->rate, self->tokens + (double) (time->now_us - self->filled_us) / (double) self->interval_us);
  self->filled_us = time->now_us;
  if (self->tokens < 1)
    return FALSE;
  self->tokens--;
  return TRUE;
}

/* ---- all of them ---- */

void
hawser_stage_push (HawserStage *self, HawserMessage *message, const HawserStageTime *time)
{
  HawserMessage *mapped;

  self->statistics.n_in++;
  switch (self->kind)
    {
    case STAGE_FILTER:
      if (hawser_message_filter_matches (self->filter, message))
        g_queue_push_tail (&self->waiting, hawser_message_ref (message));
      else
        self->statistics.n_filtered++;
      break;
    case STAGE_MAP:
      mapped = map (self, message);
      if (mapped != NULL)
        g_queue_push_tail (&self->waiting, mapped);
      else
        self->statistics.n_unusable++;
      break;
    case STAGE_WINDOW:
      {
        g_autofree char *key = dup_key (self, message);

        self->statistics.n_combined++;
        hawser_windows_add (self->windows, key, message, time, &self->waiting);
        break;
      }
    case STAGE_THROTTLE:
      if (!self->drops || take_token (self, time))
        g_queue_push_tail (&self->waiting, hawser_message_ref (message));
      else
        self->statistics.n_limited++;
      break;
    case STAGE_CONFLATE:
    default:
      replace (self, message, time);
      break;
    }
}

HawserMessage *
hawser_stage_pop (HawserStage *self, const HawserStageTime *time)
{
  HawserMessage *message;

  if (self->windows != NULL)
    hawser_windows_close_due (self->windows, time, &self->waiting);
  if (self->kind == STAGE_CONFLATE)
    message = pop_newest (self, time);
  else if (self->kind == STAGE_THROTTLE && !self->drops && time->now_us < self->open_us && !time->is_end)
    message = NULL;
  else
    message = g_queue_pop_head (&self->waiting);
  if (message == NULL)
    return NULL;
  if (self->kind == STAGE_THROTTLE && !self->drops)
    self->open_us = (time->now_us - self->open_us < self->interval_us ? self->open_us : time->now_us) + self->interval_us; /* late once is not slower */
  self->statistics.n_out++;
  return message;
}

gint64
hawser_stage_next_us (HawserStage *self, const HawserStageTime *time)
{
  if (self->windows != NULL)
    return hawser_windows_next_us (self->windows, time);
  if (self->kind == STAGE_THROTTLE && !self->drops && self->waiting.length > 0)
    return MAX (self->open_us, time->now_us);
  if (self->kind == STAGE_CONFLATE && self->open_us != 0)
    return self->open_us;
  return -1;
}

guint
hawser_stage_get_n_waiting (HawserStage *self)
{
  return self->waiting.length + (self->windows != NULL ? hawser_windows_get_n (self->windows) : 0);
}

void
hawser_stage_get_statistics (HawserStage *self, HawserStageStatistics *out_statistics)
{
  *out_statistics = self->statistics;
}
