/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HawserTwinFamily: which topics make which twins, where they hang in the tree, what is read from a message, and how their
 * numbers are counted together. An object to be configured; once it is added to a HawserTwins it is compiled and read only.
 * The patterns are pure functions, any thread; the rest belongs to the lane. A `[twin NAME]` group is a family of one. */

#include "hawser-twin-family.h"
#include "hawser-twin-family-private.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"
#include "hawser-json-pointer.h"
#include "hawser-param-spec.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-name.h"

#define SNAPSHOT_EVERY 100 /* events: they are read again in a millisecond */
#define YEAR_US (365 * 86400 * (gint64) G_USEC_PER_SEC)

enum {
  PROP_NAME = 1,
  PROP_SINGLE,
  PROP_TITLE,
  PROP_DESCRIPTION,
  PROP_TOPICS,
  PROP_SOURCE_TOPICS,
  PROP_STATUS_TOPICS,
  PROP_ID,
  PROP_PARENT,
  PROP_MAP,
  PROP_AGGREGATE,
  PROP_AGGREGATE_INTERVAL,
  PROP_STALE_AFTER,
  PROP_OFFLINE_AFTER,
  PROP_PASSIVATE_AFTER,
  PROP_HISTORY,
  PROP_PRESENCE_OF,
  PROP_PUBLISH_TOPIC,
  PROP_GATEWAY_TOPIC,
  PROP_BEHAVIOR,
  PROP_SUBSCRIBE_POLICY,
  PROP_WRITE_POLICY,
  PROP_PERSIST,
  PROP_PERSIST_INTERVAL,
  PROP_STORE,
  PROP_SNAPSHOT_EVERY,
  N_PROPS,
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (HawserTwinFamily, hawser_twin_family, G_TYPE_OBJECT)

static char **
string_list (HawserTwinFamily *self, guint id)
{
  switch (id)
    {
    case PROP_TOPICS: case PROP_SOURCE_TOPICS: return self->topics;
    case PROP_STATUS_TOPICS: return self->status_topics;
    case PROP_MAP: return self->map;
    default: return self->aggregate;
    }
}

static char **
string_place (HawserTwinFamily *self, guint id)
{
  switch (id)
    {
    case PROP_NAME: return &self->name;
    case PROP_TITLE: return &self->title;
    case PROP_DESCRIPTION: return &self->description;
    case PROP_ID: return &self->id;
    case PROP_PARENT: return &self->parent;
    case PROP_PRESENCE_OF: return &self->presence_of;
    case PROP_PUBLISH_TOPIC: return &self->publish_topic;
    case PROP_GATEWAY_TOPIC: return &self->gateway_topic;
    case PROP_BEHAVIOR: return &self->behavior;
    case PROP_SUBSCRIBE_POLICY: return &self->subscribe_policy;
    case PROP_WRITE_POLICY: return &self->write_policy;
    case PROP_PERSIST: return &self->persist;
    case PROP_STORE: return &self->store;
    default: return NULL;
    }
}

static gint64 *
duration_place (HawserTwinFamily *self, guint id)
{
  switch (id)
    {
    case PROP_AGGREGATE_INTERVAL: return &self->aggregate_interval_us;
    case PROP_STALE_AFTER: return &self->stale_after_us;
    case PROP_OFFLINE_AFTER: return &self->offline_after_us;
    case PROP_PASSIVATE_AFTER: return &self->passivate_after_us;
    case PROP_PERSIST_INTERVAL: return &self->persist_interval_us;
    default: return NULL;
    }
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  HawserTwinFamily *self = HAWSER_TWIN_FAMILY (object);
  char **string = string_place (self, id);
  gint64 *duration = duration_place (self, id);

  g_return_if_fail (!self->is_compiled || G_PARAM_SPEC_VALUE_TYPE (pspec) == G_TYPE_INVALID);
  if (string != NULL)
    {
      g_free (*string);
      *string = g_value_dup_string (value);
      return;
    }
  if (duration != NULL)
    {
      *duration = g_value_get_int64 (value);
      return;
    }
  switch (id)
    {
    case PROP_SINGLE: self->is_single = g_value_get_boolean (value); break;
    case PROP_TOPICS: case PROP_SOURCE_TOPICS: g_strfreev (self->topics); self->topics = g_value_dup_boxed (value); break;
    case PROP_STATUS_TOPICS: g_strfreev (self->status_topics); self->status_topics = g_value_dup_boxed (value); break;
    case PROP_MAP: g_strfreev (self->map); self->map = g_value_dup_boxed (value); break;
    case PROP_AGGREGATE: g_strfreev (self->aggregate); self->aggregate = g_value_dup_boxed (value); break;
    case PROP_HISTORY: self->history = g_value_get_uint (value); break;
    case PROP_SNAPSHOT_EVERY: self->snapshot_every = g_value_get_uint (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserTwinFamily *self = HAWSER_TWIN_FAMILY (object);
  char **string = string_place (self, id);
  gint64 *duration = duration_place (self, id);

  if (string != NULL)
    g_value_set_string (value, *string);
  else if (duration != NULL)
    g_value_set_int64 (value, *duration);
  else if (id == PROP_SINGLE)
    g_value_set_boolean (value, self->is_single);
  else if (id == PROP_HISTORY)
    g_value_set_uint (value, self->history);
  else
    g_value_set_boxed (value, string_list (self, id));
}

static void
clear_pattern (HawserTwinPattern *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      g_free (self->pieces[i].before);
      g_free (self->pieces[i].after);
    }
  g_free (self->pieces);
  memset (self, 0, sizeof *self);
}

static void
clear_patterns (HawserTwinPattern **patterns, guint *n)
{
  for (guint i = 0; i < *n; i++)
    clear_pattern (&(*patterns)[i]);
  g_clear_pointer (patterns, g_free);
  *n = 0;
}

static void
clear_compiled (HawserTwinFamily *self)
{
  for (guint i = 0; i < self->n_names; i++)
    g_free (self->names[i]);
  self->n_names = 0;
  clear_patterns (&self->topic_patterns, &self->n_topic_patterns);
  clear_patterns (&self->status_patterns, &self->n_status_patterns);
  clear_pattern (&self->id_pattern);
  clear_pattern (&self->parent_pattern);
  g_array_set_size (self->functions, 0);
  for (guint i = 0; i < self->n_columns; i++)
    {
      g_free (self->columns[i].key);
      g_free (self->columns[i].pointer);
    }
  self->n_columns = 0;
  memset (self->map_table, 0, sizeof self->map_table);
  self->count_functions = 0;
  self->has_map = self->maps_simple = FALSE;
}

static void
finalize (GObject *object)
{
  HawserTwinFamily *self = HAWSER_TWIN_FAMILY (object);

  clear_compiled (self);
  g_array_unref (self->functions);
  for (guint id = PROP_NAME; id < N_PROPS; id++)
    if (string_place (self, id) != NULL)
      g_free (*string_place (self, id));
  g_strfreev (self->topics);
  g_strfreev (self->status_topics);
  g_strfreev (self->map);
  g_strfreev (self->aggregate);
  g_clear_object (&self->behavior_object);
  G_OBJECT_CLASS (hawser_twin_family_parent_class)->finalize (object);
}

static void
clear_function (gpointer data)
{
  g_free (((HawserTwinFunction *) data)->key);
}

static void
hawser_twin_family_class_init (HawserTwinFamilyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;

  props[PROP_NAME] = g_param_spec_string ("name", "Name", "Name of the family; of a single twin its id", NULL, flags | G_PARAM_CONSTRUCT_ONLY);
  props[PROP_SINGLE] = g_param_spec_boolean ("single", "Single", "Whether it is one twin whose id is the name", FALSE, flags);
  props[PROP_TITLE] = g_param_spec_string ("title", "Title", "Name for people", NULL, flags);
  props[PROP_DESCRIPTION] = g_param_spec_string ("description", "Description", "One line for people", NULL, flags);
  props[PROP_TOPICS] = g_param_spec_boxed ("topics", "Topics", "Topics with {PLACEHOLDER} levels, + or # whose messages are reports", G_TYPE_STRV, flags);
  props[PROP_SOURCE_TOPICS] = g_param_spec_boxed ("source-topics", "Source topics", "Topics its state comes from", G_TYPE_STRV, flags);
  props[PROP_STATUS_TOPICS] = g_param_spec_boxed ("status-topics", "Status topics", "Topics that say online or offline, such as a will's", G_TYPE_STRV, flags);
  props[PROP_ID] = g_param_spec_string ("id", "Id", "Id of a twin, made of the placeholders of the topic", NULL, flags);
  props[PROP_PARENT] = g_param_spec_string ("parent", "Parent", "Id of the twin above, made of the same placeholders", NULL, flags);
  props[PROP_MAP] = g_param_spec_boxed ("map", "Map", "PROPERTY:/JSON/POINTER of what is read from a message; default: every member", G_TYPE_STRV, flags);
  props[PROP_AGGREGATE] = g_param_spec_boxed ("aggregate", "Aggregate", "FUNCTION:PROPERTY counted up the tree; sum, count, min, max, mean", G_TYPE_STRV, flags);
  props[PROP_AGGREGATE_INTERVAL] = hawser_param_spec_duration ("aggregate-interval", "Shortest time between two aggregates", 1000, 86400 * (gint64) G_USEC_PER_SEC,
                                                               G_USEC_PER_SEC, flags);
  props[PROP_STALE_AFTER] = hawser_param_spec_duration ("stale-after", "Silence after which it is stale; 0 for never", 0, YEAR_US, 0, flags);
  props[PROP_OFFLINE_AFTER] = hawser_param_spec_duration ("offline-after", "Silence after which it is offline; 0 for never", 0, YEAR_US, 0, flags);
  props[PROP_PASSIVATE_AFTER] = hawser_param_spec_duration ("passivate-after", "Silence after which it leaves memory; 0 for never", 0, YEAR_US, 0, flags);
  props[PROP_HISTORY] = g_param_spec_uint ("history", "History", "Values kept of each property", 0, 1000000, 0, flags);
  props[PROP_PRESENCE_OF] = g_param_spec_string ("presence-of", "Presence of", "CLAIM:VALUE of the connections whose presence is its own", NULL, flags);
  props[PROP_PUBLISH_TOPIC] = g_param_spec_string ("publish-topic", "Publish topic", "Topic its changes are published to; {id} is its id", NULL, flags);
  props[PROP_GATEWAY_TOPIC] = g_param_spec_string ("gateway-topic", "Gateway topic", "Topic of the principal that last reported for a thing; {principal} is its name", NULL, flags);
  props[PROP_BEHAVIOR] = g_param_spec_string ("behavior", "Behaviour", "Type of the plugin that handles its messages", NULL, flags);
  props[PROP_SUBSCRIBE_POLICY] = g_param_spec_string ("subscribe-policy", "Subscribe policy", "Policy that says who may read it", NULL, flags);
  props[PROP_WRITE_POLICY] = g_param_spec_string ("write-policy", "Write policy", "Policy that says who may set desired properties and send commands", NULL, flags);
  props[PROP_PERSIST] = g_param_spec_string ("persist", "Persist", "When its state is stored: never, on-change, interval", "never", flags);
  props[PROP_PERSIST_INTERVAL] = hawser_param_spec_duration ("persist-interval", "Longest time unstored with persist=interval", 1000, 86400 * (gint64) G_USEC_PER_SEC,
                                                             10 * G_USEC_PER_SEC, flags);
  props[PROP_STORE] = g_param_spec_string ("store", "Store", "The [store] it is kept in; default: the spool in state-dir", NULL, flags);
  props[PROP_SNAPSHOT_EVERY] = g_param_spec_uint ("snapshot-every", "Snapshot every", "Events in its journal before it is stored whole; 0 for never", 0, G_MAXINT32,
                                                  SNAPSHOT_EVERY, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
hawser_twin_family_init (HawserTwinFamily *self)
{
  self->functions = g_array_new (FALSE, FALSE, sizeof (HawserTwinFunction));
  g_array_set_clear_func (self->functions, clear_function);
  self->aggregate_interval_us = G_USEC_PER_SEC;
  self->persist_interval_us = 10 * G_USEC_PER_SEC;
  self->persist = g_strdup ("never");
  self->snapshot_every = SNAPSHOT_EVERY;
}

/**
 * hawser_twin_family_new:
 * @name: its name; of a family of one (`single`) the twin's id
 *
 * Returns: (transfer full): a family to be configured, then given to hawser_twins_add_family()
 * Since: 0.1
 */
HawserTwinFamily *
hawser_twin_family_new (const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);
  return g_object_new (HAWSER_TYPE_TWIN_FAMILY, "name", name, NULL);
}

/**
 * hawser_twin_family_get_name: (get-property name)
 * @self: a family
 *
 * Returns: its name
 * Since: 0.1
 */
const char *
hawser_twin_family_get_name (HawserTwinFamily *self)
{
  return self->name;
}

/* ---- patterns ---- */

static int
find_name (HawserTwinFamily *self, const char *name, gsize len)
{
  for (guint i = 0; i < self->n_names; i++)
    if (strlen (self->names[i]) == len && memcmp (self->names[i], name, len) == 0)
      return (int) i;
  return -1;
}

static gboolean
is_name (const char *text, gsize len)
{
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '-' && text[i] != '_')
      return FALSE;
  return len > 0;
}

/* One level: literal, or text around one {NAME}. @declares: names that are not known yet become known. */
static gboolean
compile_level (HawserTwinFamily *self, const char *text, gsize len, gboolean declares, HawserTwinPiece *out, GError **error)
{
  const char *open = memchr (text, '{', len), *close = memchr (text, '}', len);
  int capture;

  if (open == NULL && close == NULL)
    {
      out->before = g_strndup (text, len);
      out->after = NULL;
      out->capture = -1;
      return TRUE;
    }
  if (open == NULL || close == NULL || close < open || !is_name (open + 1, (gsize) (close - open - 1)) ||
      memchr (close + 1, '{', (gsize) (text + len - close - 1)) != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%.*s': a level has at most one placeholder, as in {site}", (int) len, text);
      return FALSE;
    }
  capture = find_name (self, open + 1, (gsize) (close - open - 1));
  if (capture < 0 && !declares)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "there is no placeholder %.*s in the topic or id", (int) (close - open + 1), open);
      return FALSE;
    }
  if (capture < 0)
    {
      if (self->n_names == HAWSER_TWIN_MAX_CAPTURES)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "more than %d placeholders", HAWSER_TWIN_MAX_CAPTURES);
          return FALSE;
        }
      capture = (int) self->n_names++;
      self->names[capture] = g_strndup (open + 1, (gsize) (close - open - 1));
    }
  out->before = g_strndup (text, (gsize) (open - text));
  out->after = g_strndup (close + 1, (gsize) (text + len - close - 1));
  out->capture = capture;
  return TRUE;
}

static gboolean
compile_pattern (HawserTwinFamily *self, const char *text, gboolean declares, gboolean is_topic, HawserTwinPattern *out, GError **error)
{
  g_autoptr (GArray) pieces = g_array_new (FALSE, TRUE, sizeof (HawserTwinPiece));
  gboolean ok = TRUE;

  for (const char *level = text; ok;)
    {
      gsize len = strcspn (level, "/");
      HawserTwinPiece piece = { NULL, NULL, -1 };

      if (is_topic && len == 1 && *level == '+')
        piece.capture = -2;
      else if (is_topic && len == 1 && *level == '#' && level[1] == '\0')
        piece.capture = -3;
      else if (len == 0 || memchr (level, '+', len) != NULL || memchr (level, '#', len) != NULL || (level == text && *level == '$'))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': not a valid %s", text, is_topic ? "topic filter with placeholders" : "id");
          ok = FALSE;
          break;
        }
      else
        ok = compile_level (self, level, len, declares, &piece, error);
      if (ok)
        g_array_append_val (pieces, piece);
      if (level[len] == '\0')
        break;
      level += len + 1;
    }
  out->n = pieces->len;
  out->pieces = (HawserTwinPiece *) (gpointer) g_array_free (g_steal_pointer (&pieces), FALSE);
  return ok;
}

gboolean
hawser_twin_pattern_match (const HawserTwinPattern *self, const char *text, gsize len, HawserTwinCaptures *captures)
{
  const char *end = text + len;

  memset (captures->len, 0, sizeof captures->len);
  memset (captures->text, 0, sizeof captures->text);
  for (guint i = 0; i < self->n; i++)
    {
      const HawserTwinPiece *piece = &self->pieces[i];
      const char *slash = memchr (text, '/', (gsize) (end - text));
      gsize level = (gsize) ((slash != NULL ? slash : end) - text), before, after;

      if (piece->capture == -3)
        return TRUE;
      before = piece->before != NULL ? strlen (piece->before) : 0;
      after = piece->after != NULL ? strlen (piece->after) : 0;
      if (piece->capture == -1 && (level != before || memcmp (text, piece->before, level) != 0))
        return FALSE;
      if (piece->capture >= 0)
        {
          guint capture = (guint) piece->capture;

          if (level <= before + after || memcmp (text, piece->before, before) != 0 || memcmp (text + level - after, piece->after, after) != 0)
            return FALSE;
          if (captures->text[capture] != NULL &&
              (captures->len[capture] != level - before - after || memcmp (captures->text[capture], text + before, level - before - after) != 0))
            return FALSE;
          captures->text[capture] = text + before;
          captures->len[capture] = (guint) (level - before - after);
        }
      if (slash == NULL)
        return i + 1 == self->n || (i + 2 == self->n && self->pieces[i + 1].capture == -3); /* a/# matches a */
      text = slash + 1;
    }
  return FALSE;
}

gboolean
hawser_twin_pattern_expand (const HawserTwinPattern *self, const HawserTwinCaptures *captures, GString *out)
{
  for (guint i = 0; i < self->n; i++)
    {
      const HawserTwinPiece *piece = &self->pieces[i];

      if (i > 0)
        g_string_append_c (out, '/');
      if (piece->before != NULL)
        g_string_append (out, piece->before);
      if (piece->capture < 0)
        continue;
      if (captures->text[piece->capture] == NULL)
        return FALSE;
      g_string_append_len (out, captures->text[piece->capture], captures->len[piece->capture]);
      g_string_append (out, piece->after);
    }
  return TRUE;
}

/* ---- columns ---- */

int
hawser_twin_family_find_column (HawserTwinFamily *self, const char *key, gsize len)
{
  for (guint i = 0; i < self->n_columns; i++)
    if (strncmp (self->columns[i].key, key, len) == 0 && self->columns[i].key[len] == '\0')
      return (int) i;
  return -1;
}

int
hawser_twin_family_need_column (HawserTwinFamily *self, const char *key, gsize len)
{
  int column = hawser_twin_family_find_column (self, key, len);

  if (column >= 0 || self->n_columns == HAWSER_TWIN_MAX_COLUMNS)
    return column;
  self->columns[self->n_columns] = (HawserTwinColumn) { .key = g_strndup (key, len) };
  return (int) self->n_columns++;
}

static gboolean
compile_map (HawserTwinFamily *self, GError **error)
{
  self->maps_simple = TRUE;
  for (guint i = 0; self->map != NULL && self->map[i] != NULL; i++)
    {
      const char *colon = strchr (self->map[i], ':');
      HawserTwinColumn *column;

      if (colon == NULL || colon == self->map[i] || colon - self->map[i] > 256 || colon[1] != '/' || !hawser_json_pointer_check (colon + 1))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': must be PROPERTY:/JSON/POINTER", self->map[i]);
          return FALSE;
        }
      if (hawser_twin_family_find_column (self, self->map[i], (gsize) (colon - self->map[i])) >= 0)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%.*s' is mapped twice", (int) (colon - self->map[i]), self->map[i]);
          return FALSE;
        }
      if (self->n_columns == HAWSER_TWIN_MAX_COLUMNS)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "more than %d properties", HAWSER_TWIN_MAX_COLUMNS);
          return FALSE;
        }
      column = &self->columns[hawser_twin_family_need_column (self, self->map[i], (gsize) (colon - self->map[i]))];
      column->pointer = g_strdup (colon + 1);
      column->is_simple = strpbrk (column->pointer + 1, "/~") == NULL && !g_ascii_isdigit (column->pointer[1]);
      column->member = column->pointer + 1;
      column->member_len = (guint) strlen (column->member);
      column->hash = (guint32) hawser_hash_bytes (column->member, column->member_len);
      self->maps_simple &= column->is_simple;
      self->has_map = TRUE;
    }
  return TRUE;
}

static gboolean
compile_aggregate (HawserTwinFamily *self, GError **error)
{
  static const struct {
    const char *name;
    guint function;
  } functions[] = {
    { "sum", HAWSER_TWIN_SUM }, { "count", HAWSER_TWIN_COUNT }, { "min", HAWSER_TWIN_MIN }, { "max", HAWSER_TWIN_MAX }, { "mean", HAWSER_TWIN_MEAN },
  };
  static const struct {
    const char *name;
    guint function;
  } states[] = {
    { "online", HAWSER_TWIN_COUNT_ONLINE }, { "stale", HAWSER_TWIN_COUNT_STALE }, { "offline", HAWSER_TWIN_COUNT_OFFLINE },
  };

  for (guint i = 0; self->aggregate != NULL && self->aggregate[i] != NULL; i++)
    {
      const char *colon = strchr (self->aggregate[i], ':');
      HawserTwinFunction entry = { NULL, 0 };
      gboolean is_state = FALSE;

      for (gsize f = 0; f < G_N_ELEMENTS (functions) && colon != NULL; f++)
        if (strlen (functions[f].name) == (gsize) (colon - self->aggregate[i]) && g_str_has_prefix (self->aggregate[i], functions[f].name))
          entry.functions = functions[f].function;
      if (entry.functions == 0 || colon[1] == '\0' || strlen (colon + 1) > 256)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': must be FUNCTION:PROPERTY with one of sum, count, min, max, mean", self->aggregate[i]);
          return FALSE;
        }
      for (gsize s = 0; s < G_N_ELEMENTS (states) && entry.functions == HAWSER_TWIN_COUNT; s++)
        if (strcmp (states[s].name, colon + 1) == 0)
          {
            self->count_functions |= states[s].function;
            is_state = TRUE;
          }
      if (is_state)
        continue;
      for (guint f = 0; f < self->functions->len; f++)
        {
          HawserTwinFunction *known = &g_array_index (self->functions, HawserTwinFunction, f);

          if (strcmp (known->key, colon + 1) == 0)
            {
              known->functions |= entry.functions;
              entry.functions = 0;
            }
        }
      if (entry.functions != 0)
        {
          entry.key = g_strdup (colon + 1);
          g_array_append_val (self->functions, entry);
        }
    }
  return TRUE;
}

static gboolean
compile_topics (HawserTwinFamily *self, char **topics, HawserTwinPattern **out, guint *out_n, GError **error)
{
  guint n = topics != NULL ? g_strv_length (topics) : 0;

  *out = g_new0 (HawserTwinPattern, n + 1);
  for (guint i = 0; i < n; i++)
    {
      *out_n = i + 1;
      if (!compile_pattern (self, topics[i], TRUE, TRUE, &(*out)[i], error))
        return FALSE;
    }
  return TRUE;
}

/* {principal} is a level of its own, so that no name is part of another one's topic, and not the first, which a name with $ would change. */
static gboolean
check_gateway_topic (const char *topic, GError **error)
{
  const char *place = topic != NULL ? strstr (topic, "/{principal}") : NULL;
  const char *after = place != NULL ? place + strlen ("/{principal}") : NULL;
  gboolean ok = after != NULL && (*after == '\0' || *after == '/') && strpbrk (after, "{}") == NULL && strcspn (topic, "{}") == (gsize) (place + 1 - topic) &&
                *topic != '$' && hawser_topic_name_is_valid (topic, -1, NULL);

  if (topic == NULL || ok)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': must be a topic with one level {principal} behind another one, such as gateway/{principal}", topic);
  return FALSE;
}

gboolean
hawser_twin_family_compile (HawserTwinFamily *self, const char **out_property, GError **error)
{
  const char *ignored;
  const char **property = out_property != NULL ? out_property : &ignored;

  clear_compiled (self);
  *property = self->is_single ? "source-topics" : "topics";
  if (!compile_topics (self, self->topics, &self->topic_patterns, &self->n_topic_patterns, error))
    return FALSE;
  *property = "status-topics";
  if (!compile_topics (self, self->status_topics, &self->status_patterns, &self->n_status_patterns, error))
    return FALSE;
  *property = self->is_single ? NULL : "id";
  if (!self->is_single && self->id == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "a family needs an id, such as site/{region}/{site}");
      return FALSE;
    }
  if (!compile_pattern (self, self->is_single ? self->name : self->id, self->n_topic_patterns == 0 && self->n_status_patterns == 0, FALSE, &self->id_pattern, error))
    return FALSE;
  *property = "parent";
  if (self->parent != NULL && !compile_pattern (self, self->parent, FALSE, FALSE, &self->parent_pattern, error))
    return FALSE;
  *property = "map";
  if (!compile_map (self, error))
    return FALSE;
  *property = "aggregate";
  if (!compile_aggregate (self, error))
    return FALSE;
  *property = "stale-after";
  if (self->stale_after_us > 0 && self->offline_after_us > 0 && self->stale_after_us >= self->offline_after_us)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "must be less than offline-after");
      return FALSE;
    }
  *property = "publish-topic";
  if (self->publish_topic != NULL && (*self->publish_topic == '\0' || strpbrk (self->publish_topic, "+#") != NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%s': not a valid topic", self->publish_topic);
      return FALSE;
    }
  *property = "gateway-topic";
  if (!check_gateway_topic (self->gateway_topic, error))
    return FALSE;
  for (guint i = 0; i < self->n_columns; i++)
    if (self->columns[i].is_simple)
      {
        guint slot = self->columns[i].hash % G_N_ELEMENTS (self->map_table);

        while (self->map_table[slot] != 0 && self->n_columns < G_N_ELEMENTS (self->map_table))
          slot = (slot + 1) % G_N_ELEMENTS (self->map_table);
        if (self->map_table[slot] != 0)
          self->maps_simple = FALSE; /* a full table has no end of a search */
        else
          self->map_table[slot] = (guint8) (i + 1);
      }
  memset (self->column_of_field, -1, sizeof self->column_of_field);
  *property = NULL;
  return TRUE;
}

/**
 * hawser_twin_family_check:
 * @self: a family
 * @out_property: (out) (optional) (nullable): the property that is wrong
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID.
 *
 * Returns: %TRUE if hawser_twins_add_family() would take its patterns and lists
 * Since: 0.1
 */
gboolean
hawser_twin_family_check (HawserTwinFamily *self, const char **out_property, GError **error)
{
  return self->is_compiled || hawser_twin_family_compile (self, out_property, error);
}
