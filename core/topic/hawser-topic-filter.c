/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pattern of a subscription as a value: checked once, then compared level by level without being taken apart.
 * Many filters at once are the match tree's matter (hawser-match-tree.c). Immutable, so any thread. */

#include "hawser-topic-filter.h"

#include <string.h>

#include "hawser-error.h"
#include "hawser-topic-name.h"
#include "hawser-topic-private.h"
#include "hawser-topic-raw.h"
#include "hawser-utf8.h"

struct _HawserTopicFilter {
  gatomicrefcount ref_count;
  gboolean has_wildcards;
  gsize len;
  char text[];
};

G_DEFINE_BOXED_TYPE (HawserTopicFilter, hawser_topic_filter, hawser_topic_filter_ref, hawser_topic_filter_unref)

/* Walks the levels of a path: text is NULL after the last one. */
typedef struct {
  const char *text;
  gsize len;
  const char *end;
} Cursor;

static void
cursor_cut (Cursor *self)
{
  const char *slash = memchr (self->text, '/', (gsize) (self->end - self->text));

  self->len = (gsize) ((slash != NULL ? slash : self->end) - self->text);
}

static Cursor
cursor_init (const char *text, gsize len)
{
  Cursor self = { text, 0, text + len };

  cursor_cut (&self);
  return self;
}

static void
cursor_next (Cursor *self)
{
  self->text += self->len;
  if (self->text == self->end)
    self->text = NULL;
  else
    {
      self->text++;
      cursor_cut (self);
    }
}

static gboolean
cursor_is (const Cursor *self, char wildcard)
{
  return self->text != NULL && self->len == 1 && self->text[0] == wildcard;
}

static gboolean
cursor_equal (const Cursor *a, const Cursor *b)
{
  return a->len == b->len && memcmp (a->text, b->text, a->len) == 0;
}

static gboolean
is_dollar (const Cursor *cursor)
{
  return cursor->len > 0 && cursor->text[0] == '$';
}

gboolean
hawser_topic_filter_check (const char *text, gsize len)
{
  guint n_slashes = 0;
  guint8 seen = 0;

  if (len == 0 || len > HAWSER_TOPIC_MAX_LEN)
    return FALSE;

  for (gsize i = 0; i < len; i++)
    {
      char c = text[i];

      seen |= (guint8) c;
      if (c == '/')
        n_slashes++;
      else if (c == 0)
        return FALSE;
      else if ((c == '+' || c == '#') && ((i > 0 && text[i - 1] != '/') || (i + 1 < len && (c == '#' || text[i + 1] != '/'))))
        return FALSE;
    }
  return n_slashes < HAWSER_TOPIC_MAX_LEVELS && (seen < 0x80 || hawser_utf8_check_string (text, len));
}

/* Puts into words why the wildcards of @text are wrong. */
static void
set_wildcard_error (const char *text, gsize len, GError **error)
{
  g_autofree char *quoted = hawser_topic_quote (text, len);

  for (Cursor level = cursor_init (text, len); level.text != NULL; cursor_next (&level))
    {
      gboolean has_plus = memchr (level.text, '+', level.len) != NULL;
      gboolean has_hash = memchr (level.text, '#', level.len) != NULL;

      if ((has_plus || has_hash) && level.len > 1)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic filter '%s': '%c' must be alone in its level", quoted, has_plus ? '+' : '#');
          return;
        }
      if (has_hash && level.text + level.len != level.end)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "topic filter '%s': '#' must be last", quoted);
          return;
        }
    }
}

/**
 * hawser_topic_filter_new:
 * @text: a topic filter, UTF-8, 1 to 65535 bytes, at most %HAWSER_TOPIC_MAX_LEVELS levels
 * @error: return location
 *
 * Makes a pattern of topic names: `+` stands for one level, `#`, which must be last, for any number of levels
 * including none. Neither matches a first level that begins with `$`.
 *
 * Errors: %HAWSER_ERROR_INVALID (caller's mistake), %HAWSER_ERROR_TOO_LARGE (over a limit, which the text names).
 * Context: any thread.
 * Source: MQTT 5.0 section 4.7.
 *
 * Returns: (transfer full): the filter
 * Since: 0.1
 */
HawserTopicFilter *
hawser_topic_filter_new (const char *text, GError **error)
{
  HawserTopicFilter *self;
  gsize len;

  g_return_val_if_fail (text != NULL, NULL);

  len = strlen (text);
  if (!hawser_topic_filter_check (text, len))
    {
      if (hawser_topic_check_common ("topic filter", text, len, error))
        set_wildcard_error (text, len, error);
      return NULL;
    }

  self = g_malloc (sizeof *self + len + 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->has_wildcards = memchr (text, '+', len) != NULL || text[len - 1] == '#';
  self->len = len;
  memcpy (self->text, text, len + 1);
  return self;
}

/**
 * hawser_topic_filter_ref:
 * @self: a filter
 *
 * Context: any thread.
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserTopicFilter *
hawser_topic_filter_ref (HawserTopicFilter *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_topic_filter_unref:
 * @self: (transfer full) (nullable): a filter
 *
 * Context: any thread.
 *
 * Since: 0.1
 */
void
hawser_topic_filter_unref (HawserTopicFilter *self)
{
  if (self != NULL && g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}

gboolean
hawser_topic_filter_matches_raw (const char *filter, gsize filter_len, const char *topic, gsize topic_len)
{
  Cursor f = cursor_init (filter, filter_len), t = cursor_init (topic, topic_len);

  if (is_dollar (&t) && (cursor_is (&f, '+') || cursor_is (&f, '#')))
    return FALSE;

  for (; f.text != NULL; cursor_next (&f), cursor_next (&t))
    {
      if (cursor_is (&f, '#'))
        return TRUE;
      if (t.text == NULL)
        return FALSE;
      if (!cursor_is (&f, '+') && !cursor_equal (&f, &t))
        return FALSE;
      if (f.text + f.len != f.end && t.text + t.len == t.end)
        {
          cursor_next (&f); /* the name has ended: only its parent's `#` may follow */
          return cursor_is (&f, '#');
        }
    }
  return t.text == NULL;
}

/**
 * hawser_topic_filter_matches:
 * @self: a filter
 * @topic: a topic name
 *
 * Context: any thread; no allocation.
 * Source: MQTT 5.0 section 4.7.
 *
 * Returns: whether a message on @topic reaches a subscription with this filter
 * Since: 0.1
 */
gboolean
hawser_topic_filter_matches (const HawserTopicFilter *self, const char *topic)
{
  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (topic != NULL, FALSE);

  return hawser_topic_filter_matches_raw (self->text, self->len, topic, strlen (topic));
}

/**
 * hawser_topic_filter_get_text:
 * @self: a filter
 *
 * Context: any thread.
 *
 * Returns: (transfer none): what the filter was made of
 * Since: 0.1
 */
const char *
hawser_topic_filter_get_text (const HawserTopicFilter *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->text;
}

/**
 * hawser_topic_filter_has_wildcards:
 * @self: a filter
 *
 * Context: any thread.
 *
 * Returns: whether the filter can match more than one name
 * Since: 0.1
 */
gboolean
hawser_topic_filter_has_wildcards (const HawserTopicFilter *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return self->has_wildcards;
}

/**
 * hawser_topic_filter_is_shared:
 * @self: a filter
 *
 * Context: any thread.
 * Source: MQTT 5.0 section 4.8.2.
 *
 * Returns: whether the filter begins with `$share`, that is, asks for a shared subscription
 * Since: 0.1
 */
gboolean
hawser_topic_filter_is_shared (const HawserTopicFilter *self)
{
  g_return_val_if_fail (self != NULL, FALSE);

  return hawser_topic_filter_is_shared_raw (self->text, self->len);
}

/**
 * hawser_topic_filter_overlaps:
 * @self: a filter
 * @other: another filter
 *
 * Context: any thread; no allocation.
 *
 * Returns: whether some topic name is matched by both
 * Since: 0.1
 */
gboolean
hawser_topic_filter_overlaps (const HawserTopicFilter *self, const HawserTopicFilter *other)
{
  Cursor a, b;

  g_return_val_if_fail (self != NULL && other != NULL, FALSE);

  a = cursor_init (self->text, self->len);
  b = cursor_init (other->text, other->len);
  if ((is_dollar (&a) && (cursor_is (&b, '+') || cursor_is (&b, '#'))) || (is_dollar (&b) && (cursor_is (&a, '+') || cursor_is (&a, '#'))))
    return FALSE;

  for (; a.text != NULL && b.text != NULL; cursor_next (&a), cursor_next (&b))
    {
      if (cursor_is (&a, '#') || cursor_is (&b, '#'))
        return TRUE;
      if (!cursor_is (&a, '+') && !cursor_is (&b, '+') && !cursor_equal (&a, &b))
        return FALSE;
    }
  return (a.text == NULL || cursor_is (&a, '#')) && (b.text == NULL || cursor_is (&b, '#'));
}

/**
 * hawser_topic_filter_is_subset:
 * @self: a filter
 * @other: the wider filter
 *
 * Tells whether who may see @other may see @self: a right to `craft/#` covers `craft/+/volts` and `craft`.
 *
 * Context: any thread; no allocation.
 *
 * Returns: whether each topic name matched by @self is matched by @other
 * Since: 0.1
 */
gboolean
hawser_topic_filter_is_subset (const HawserTopicFilter *self, const HawserTopicFilter *other)
{
  Cursor a, b;

  g_return_val_if_fail (self != NULL && other != NULL, FALSE);

  a = cursor_init (self->text, self->len);
  b = cursor_init (other->text, other->len);
  if (is_dollar (&a) && (cursor_is (&b, '+') || cursor_is (&b, '#')))
    return FALSE;
  if (cursor_is (&a, '#') && strcmp (other->text, "+/#") == 0)
    return TRUE; /* there is no name without a first level */

  for (; a.text != NULL && b.text != NULL; cursor_next (&a), cursor_next (&b))
    {
      if (cursor_is (&b, '#'))
        return TRUE;
      if (cursor_is (&a, '#') || (!cursor_is (&b, '+') && !cursor_equal (&a, &b)))
        return FALSE;
    }
  return a.text == NULL && (b.text == NULL || cursor_is (&b, '#'));
}
