/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where log messages go: the journal when stderr is the journal, else lines of text or JSON on stderr. Levels by domain, and a
 * limit of messages a second for each domain, so that a peer who provokes messages cannot fill the disk. Any thread. */

#include "daemon.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BURST 200            /* ours: messages of one domain at once; a start with 100 listeners says less */
#define PER_SECOND 20        /* ours: and then this many a second */
#define MAX_DOMAINS 64       /* domains that are counted apart; the rest share */

typedef enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_JOURNAL } Format;

typedef struct {
  const char *domain;        /* interned */
  double tokens;
  gint64 refilled_us;
  guint64 n_suppressed;
} Bucket;

static struct {
  GMutex lock;
  Format format;
  GLogLevelFlags level;      /* least severe that is shown */
  GHashTable *domains;       /* domain to level */
  Bucket buckets[MAX_DOMAINS];
  guint n_buckets;
} state;

static const struct {
  const char *name;
  GLogLevelFlags level;
  int priority;              /* of syslog(3) */
} levels[] = {
  { "error", G_LOG_LEVEL_ERROR, 3 },
  { "error", G_LOG_LEVEL_CRITICAL, 3 },
  { "warning", G_LOG_LEVEL_WARNING, 4 },
  { "message", G_LOG_LEVEL_MESSAGE, 5 },
  { "info", G_LOG_LEVEL_INFO, 6 },
  { "debug", G_LOG_LEVEL_DEBUG, 7 },
};

static const char *
level_name (GLogLevelFlags level)
{
  for (gsize i = 0; i < G_N_ELEMENTS (levels); i++)
    if ((level & levels[i].level) != 0)
      return levels[i].name;
  return "debug";
}

/* "error" shows what is at least critical. */
static GLogLevelFlags
level_from_name (const char *name)
{
  for (gsize i = G_N_ELEMENTS (levels); i-- > 0;)
    if (g_strcmp0 (name, levels[i].name) == 0)
      return levels[i].level;
  return G_LOG_LEVEL_INFO;
}

static const char *
find_field (const GLogField *fields,
            gsize            n_fields,
            const char      *key)
{
  for (gsize i = 0; i < n_fields; i++)
    if (strcmp (fields[i].key, key) == 0 && fields[i].length < 0)
      return fields[i].value;
  return NULL;
}

static Bucket *
find_bucket (const char *domain)
{
  const char *interned = g_intern_string (domain != NULL ? domain : "");

  for (guint i = 0; i < state.n_buckets; i++)
    if (state.buckets[i].domain == interned)
      return &state.buckets[i];
  if (state.n_buckets == MAX_DOMAINS)
    return &state.buckets[0];
  state.buckets[state.n_buckets] = (Bucket) { interned, BURST, g_get_monotonic_time (), 0 };
  return &state.buckets[state.n_buckets++];
}

static void
refill (Bucket *bucket)
{
  gint64 now_us = g_get_monotonic_time ();

  bucket->tokens = MIN (BURST, bucket->tokens + (double) (now_us - bucket->refilled_us) * PER_SECOND / G_USEC_PER_SEC);
  bucket->refilled_us = now_us;
}

/* TRUE: say it. */
static gboolean
take_token (Bucket *bucket)
{
  refill (bucket);
  if (bucket->tokens < 1)
    {
      bucket->n_suppressed++;
      return FALSE;
    }
  bucket->tokens -= 1;
  return TRUE;
}

static gboolean
is_shown (const char     *domain,
          GLogLevelFlags  level)
{
  GLogLevelFlags least = state.level;
  gpointer own;

  if (state.domains != NULL && domain != NULL && (own = g_hash_table_lookup (state.domains, domain)) != NULL)
    least = (GLogLevelFlags) GPOINTER_TO_UINT (own);
  return (level & G_LOG_LEVEL_MASK) <= least;
}

/* Control characters in a message come from strangers: they must not forge lines or move the cursor. */
static char *
clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      g_string_append_printf (out, "\\u%04x", g_utf8_get_char (p));
    else
      g_string_append_len (out, p, g_utf8_next_char (p) - p);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
write_text (GLogLevelFlags  level,
            const char     *domain,
            const char     *message)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *text = clean (message);

  fprintf (stderr, "%s.%03dZ %-7s %s: %s\n", time, g_date_time_get_microsecond (now) / 1000, level_name (level),
           domain != NULL ? domain : "hawserd", text);
}

static void
write_json (GLogLevelFlags   level,
            const GLogField *fields,
            gsize            n_fields)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format_iso8601 (now);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *line = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "time");
  json_builder_add_string_value (builder, time);
  json_builder_set_member_name (builder, "level");
  json_builder_add_string_value (builder, level_name (level));
  for (gsize i = 0; i < n_fields; i++)
    {
      g_autofree char *key = NULL;
      g_autofree char *value = NULL;

      if (fields[i].length >= 0 || strcmp (fields[i].key, "PRIORITY") == 0 || g_str_has_prefix (fields[i].key, "CODE_"))
        continue;
      key = strcmp (fields[i].key, "GLIB_DOMAIN") == 0 ? g_strdup ("domain") : g_ascii_strdown (fields[i].key, -1);
      value = g_utf8_make_valid (fields[i].value, -1);
      json_builder_set_member_name (builder, key);
      json_builder_add_string_value (builder, value);
    }
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  line = json_to_string (root, FALSE);
  fprintf (stderr, "%s\n", line);
}

static void
emit (GLogLevelFlags   level,
      const GLogField *fields,
      gsize            n_fields)
{
  const char *message = find_field (fields, n_fields, "MESSAGE");

  if (state.format == FORMAT_JOURNAL && g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return;
  if (state.format == FORMAT_JSON)
    write_json (level, fields, n_fields);
  else
    write_text (level, find_field (fields, n_fields, "GLIB_DOMAIN"), message != NULL ? message : "");
}

/* How many messages of a domain were left out. */
static void
say_left_out (Bucket *bucket)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT " messages were not written: too many at once", bucket->n_suppressed);
  const GLogField fields[] = { { "GLIB_DOMAIN", *bucket->domain != '\0' ? bucket->domain : "hawserd", -1 }, { "MESSAGE", text, -1 }, { "PRIORITY", "4", -1 } };

  bucket->n_suppressed = 0;
  emit (G_LOG_LEVEL_WARNING, fields, G_N_ELEMENTS (fields));
}

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         data)
{
  const char *domain = find_field (fields, n_fields, "GLIB_DOMAIN");
  g_autoptr (GMutexLocker) locker = NULL;

  locker = g_mutex_locker_new (&state.lock);
  if (!is_shown (domain, level) || !take_token (find_bucket (domain)))
    return G_LOG_WRITER_HANDLED;
  for (guint i = 0; i < state.n_buckets; i++)
    if (state.buckets[i].n_suppressed > 0)
      {
        refill (&state.buckets[i]);
        if (&state.buckets[i] == find_bucket (domain) || state.buckets[i].tokens >= 1)
          say_left_out (&state.buckets[i]);
      }
  emit (level, fields, n_fields);
  return G_LOG_WRITER_HANDLED;
}

/* Nothing more will be logged. */
void
daemon_log_end (void)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&state.lock);

  for (guint i = 0; i < state.n_buckets; i++)
    if (state.buckets[i].n_suppressed > 0)
      say_left_out (&state.buckets[i]);
}

/* Before the configuration is read: informative text. */
void
daemon_log_begin (void)
{
  state.level = G_LOG_LEVEL_INFO;
  state.format = g_log_writer_is_journald (STDERR_FILENO) ? FORMAT_JOURNAL : FORMAT_TEXT;
  g_log_set_writer_func (write_log, NULL, NULL);
}

/* As [log] says; again after a reload. */
void
daemon_log_configure (HawserConfigGroup *group)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&state.lock);
  const char *format = hawser_config_group_get_string (group, "format");
  g_auto (GStrv) domains = hawser_config_group_get_list (group, "domains");

  g_clear_pointer (&state.domains, g_hash_table_unref);
  state.level = level_from_name (hawser_config_group_get_string (group, "level"));
  if (g_strcmp0 (format, "text") == 0)
    state.format = FORMAT_TEXT;
  else if (g_strcmp0 (format, "json") == 0)
    state.format = FORMAT_JSON;
  else if (g_strcmp0 (format, "journal") == 0)
    state.format = FORMAT_JOURNAL;
  for (guint i = 0; domains[i] != NULL; i++)
    {
      char *colon = strrchr (domains[i], ':');

      if (colon == NULL)
        continue;
      *colon = '\0';
      if (state.domains == NULL)
        state.domains = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
      g_hash_table_replace (state.domains, g_strdup (domains[i]), GUINT_TO_POINTER (level_from_name (colon + 1)));
    }
}
