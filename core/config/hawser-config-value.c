/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One value against one declared key: does its text have the right form and range, and what does it mean? Pure functions;
 * problems come back as text that follows `[group] key=value: `. */

#include "hawser-config-private.h"

#include <errno.h>
#include <string.h>

#include "hawser-expression-private.h"
#include "hawser-param-spec.h"
#include "hawser-scalar-private.h"
#include "hawser-topic-filter.h"
#include "hawser-topic-name.h"
#include "hawser-units.h"

/* Lists end in ';' as GKeyFile writes them, but need not; items lose the blanks around them. */
char **
hawser_config_split (const char *text)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);

  for (gsize i = 0; parts[i] != NULL; i++)
    if (*g_strstrip (parts[i]) != '\0')
      g_strv_builder_add (builder, parts[i]);
  return g_strv_builder_end (builder);
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
static guint
edit_distance (const char *a, const char *b)
{
  guint n = (guint) strlen (a), m = (guint) strlen (b);
  guint rows[3][65];

  if (n > 64 || m > 64)
    return G_MAXUINT;
  for (guint j = 0; j <= m; j++)
    rows[0][j] = j;
  for (guint i = 1; i <= n; i++)
    {
      guint *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];

      now[0] = i;
      for (guint j = 1; j <= m; j++)
        {
          guint cost = a[i - 1] != b[j - 1];

          now[j] = MIN (MIN (before[j] + 1, now[j - 1] + 1), before[j - 1] + cost);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            now[j] = MIN (now[j], two_before[j - 2] + 1);
        }
    }
  return rows[n % 3][m];
}

/* The candidate that was probably meant, or NULL when none is near. */
const char *
hawser_config_suggest (const char *word, GPtrArray *candidates)
{
  gsize len = strlen (word);
  guint best = (guint) MAX (1, MIN (3, len / 3)) + 1;
  const char *nearest = NULL;

  for (guint i = 0; i < candidates->len; i++)
    {
      const char *candidate = g_ptr_array_index (candidates, i);
      gsize other = strlen (candidate);
      guint distance = MAX (len, other) - MIN (len, other) >= best ? best : edit_distance (word, candidate); /* at least that far */

      if (distance < best)
        {
          best = distance;
          nearest = candidate;
        }
    }
  return nearest;
}

static gboolean
has_word (const char *words, const char *word)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  return g_strv_contains ((const char * const *) list, word);
}

static char *
check_word (const HawserConfigKey *key, const char *text)
{
  g_auto (GStrv) list = g_strsplit (key->words, " ", -1);
  g_autoptr (GPtrArray) candidates = g_ptr_array_new ();
  g_autofree char *range = hawser_config_key_range (key);
  const char *meant;

  if (has_word (key->words, text) && *text != '\0')
    return NULL;
  for (gsize i = 0; list[i] != NULL; i++)
    g_ptr_array_add (candidates, list[i]);
  meant = hawser_config_suggest (text, candidates);
  return meant != NULL ? g_strdup_printf ("must be %s; did you mean \"%s\"?", range, meant) : g_strdup_printf ("must be %s", range);
}

/* out_integer: for what is counted (integers, microseconds, bytes); out_double: always. FALSE when the text has another form. */
gboolean
hawser_config_parse_number (const HawserConfigKey *key, const char *text, double *out_double, gint64 *out_integer)
{
  HawserScalar scalar;
  guint64 size;

  switch (key->type)
    {
    case HAWSER_KEY_DURATION:
      if (!hawser_duration_parse (text, out_integer, NULL))
        return FALSE;
      *out_double = (double) *out_integer;
      return TRUE;
    case HAWSER_KEY_SIZE:
      if (!hawser_size_parse (text, &size, NULL))
        return FALSE;
      *out_integer = (gint64) size;
      *out_double = (double) size;
      return TRUE;
    default:
      hawser_scalar_parse (text, &scalar);
      if (scalar.kind != HAWSER_SCALAR_NUMBER || (key->type == HAWSER_KEY_INTEGER && strpbrk (text, ".eE") != NULL))
        return FALSE;
      *out_double = scalar.number;
      *out_integer = scalar.integer;
      return TRUE;
    }
}

static char *
check_number (const HawserConfigKey *key, const char *text)
{
  g_autofree char *range = hawser_config_key_range (key);
  g_autoptr (GError) error = NULL;
  gint64 integer;
  guint64 size;
  double number;
  gboolean is_negative = text[0] == '-' && g_ascii_isdigit (text[1]);

  if (hawser_config_parse_number (key, text, &number, &integer))
    return number < key->minimum || number > key->maximum ? g_strdup_printf ("must be %s", range) : NULL;
  if (!is_negative && key->type == HAWSER_KEY_DURATION && !hawser_duration_parse (text, &integer, &error) && g_ascii_isdigit (text[0]))
    return g_strdup (strstr (error->message, "': ") + 3);
  if (!is_negative && key->type == HAWSER_KEY_SIZE && !hawser_size_parse (text, &size, &error) && g_ascii_isdigit (text[0]))
    return g_strdup (strstr (error->message, "': ") + 3);
  if (is_negative)
    return g_strdup_printf ("must be %s", range);
  return g_strdup_printf ("must be %s %s", key->type == HAWSER_KEY_INTEGER ? "a whole number," : key->type == HAWSER_KEY_NUMBER ? "a number," : "a number and a unit,", range);
}

/* What core/topic says of a name or filter, without the part that repeats it. */
static char *
check_topic (const char *text, gboolean may_be_wild)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserTopicFilter) filter = NULL;
  const char *reason;

  if (may_be_wild)
    filter = hawser_topic_filter_new (text, &error);
  else
    hawser_topic_name_is_valid (text, -1, &error);
  if (error == NULL)
    return NULL;
  reason = g_strrstr (error->message, "': ");
  return g_strdup (reason != NULL ? reason + 3 : error->message);
}

/* Splits HOST:PORT or [HOST]:PORT; NULL when it is neither. */
static char *
split_host (const char *text, guint *out_port)
{
  const char *colon = strrchr (text, ':');
  guint64 port;

  if (colon == NULL || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL))
    return NULL;
  *out_port = (guint) port;
  if (text[0] == '[')
    return colon > text && colon[-1] == ']' ? g_strndup (text + 1, (gsize) (colon - text - 2)) : NULL;
  return memchr (text, ':', (gsize) (colon - text)) == NULL ? g_strndup (text, (gsize) (colon - text)) : NULL;
}

/* HOST:PORT of an address that has them. */
static char *
dup_place (const char *address)
{
  static const char * const schemes[] = { "tcp:", "udp:", "ws:", "wss:" };

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (g_str_has_prefix (address, schemes[i]))
      {
        const char *place = address + strlen (schemes[i]);

        return g_strndup (place, i < 2 ? strlen (place) : strcspn (place, "/"));
      }
  return NULL;
}

static char *
check_address (const char *text)
{
  g_autofree char *place = NULL, *host = NULL;
  guint port;

  if (g_str_has_prefix (text, "unix:"))
    return text[5] == '/' || text[5] == '@' ? (strlen (text + 5) < 108 ? NULL : g_strdup ("a socket's path is at most 107 bytes")) : g_strdup ("a socket's path begins with '/'");
  if (g_str_has_prefix (text, "fd:"))
    return text[3] != '\0' ? NULL : g_strdup ("fd: needs the name of a descriptor");
  place = dup_place (text);
  if (place == NULL)
    return g_strdup ("an address is tcp:HOST:PORT, udp:HOST:PORT, ws:HOST:PORT/PATH, wss:HOST:PORT/PATH, unix:PATH or fd:NAME");
  host = split_host (place, &port);
  if (host == NULL)
    return g_strdup_printf ("expected %.*s:HOST:PORT with a port of 0 to 65535", (int) strcspn (text, ":"), text);
  if (strchr (host, ':') != NULL && !g_hostname_is_ip_address (host))
    return g_strdup_printf ("'%s' is not an IPv6 address", host);
  return NULL;
}

/* Whether somebody on another machine can reach it. What cannot be told counts as reachable. */
gboolean
hawser_config_address_is_outside (const char *address)
{
  g_autofree char *place = dup_place (address), *host = NULL;
  g_autoptr (GInetAddress) inet = NULL;
  guint port;

  if (g_str_has_prefix (address, "unix:"))
    return FALSE;
  if (place == NULL)
    return TRUE;
  host = split_host (place, &port);
  if (host == NULL)
    return TRUE;
  if (g_ascii_strcasecmp (host, "localhost") == 0)
    return FALSE;
  inet = g_inet_address_new_from_string (host);
  return inet == NULL || !g_inet_address_get_is_loopback (inet);
}

static char *
check_expression (const char *text, HawserExpressionFlags flags, guint *out_offset)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserExpression) expression = NULL;
  guint column = 1;

  expression = hawser_expression_new (text, flags, &column, &error);
  if (expression != NULL)
    return NULL;
  *out_offset = column - 1;
  return g_strdup (error->message);
}

static char *
check_each (const char *text, guint *out_offset, char *(*check) (const char *item))
{
  g_auto (GStrv) items = hawser_config_split (text);

  for (gsize i = 0; items[i] != NULL; i++)
    {
      g_autofree char *problem = check (items[i]);
      const char *at = strstr (text, items[i]);

      if (problem == NULL)
        continue;
      *out_offset = at != NULL ? (guint) g_utf8_strlen (text, (gssize) (at - text)) : 0;
      return g_strdup_printf ("'%.80s': %s", items[i], problem);
    }
  return NULL;
}

static char *
check_wild_filter (const char *text)
{
  return check_topic (text, TRUE);
}

/* Returns: what is wrong with the text, NULL when nothing is. out_offset: the character of the text it is at. */
char *
hawser_config_check_text (const HawserConfigKey *key, const char *text, guint *out_offset)
{
  HawserScalar scalar;

  *out_offset = 0;
  switch (key->type)
    {
    case HAWSER_KEY_BOOLEAN:
      return strcmp (text, "true") == 0 || strcmp (text, "false") == 0 ? NULL : g_strdup ("must be true or false");
    case HAWSER_KEY_INTEGER:
    case HAWSER_KEY_NUMBER:
    case HAWSER_KEY_DURATION:
    case HAWSER_KEY_SIZE:
      return check_number (key, text);
    case HAWSER_KEY_WORD:
      return check_word (key, text);
    case HAWSER_KEY_DATE:
      hawser_scalar_parse (text, &scalar);
      return scalar.kind == HAWSER_SCALAR_DATE ? NULL : g_strdup ("must be an RFC 3339 date, such as 2026-12-31T00:00:00Z");
    case HAWSER_KEY_TOPIC:
      return check_topic (text, FALSE);
    case HAWSER_KEY_FILTER:
      return check_topic (text, TRUE);
    case HAWSER_KEY_FILTERS:
      return check_each (text, out_offset, check_wild_filter);
    case HAWSER_KEY_ADDRESS:
      return check_address (text);
    case HAWSER_KEY_ADDRESSES:
      return check_each (text, out_offset, check_address);
    case HAWSER_KEY_POLICY:
      return check_expression (text, HAWSER_EXPRESSION_PLAIN, out_offset);
    case HAWSER_KEY_CONDITION:
      return check_expression (text, HAWSER_EXPRESSION_POINTERS, out_offset);
    case HAWSER_KEY_CREDENTIAL:
      return *text == '\0' || *text == '.' || strchr (text, '/') != NULL ? g_strdup ("must be the name of a credential, not a path") : NULL;
    case HAWSER_KEY_REFERENCE:
    case HAWSER_KEY_FILE:
    case HAWSER_KEY_SECRET_FILE:
      return *text == '\0' ? g_strdup ("may not be empty") : NULL;
    case HAWSER_KEY_STRING:
    case HAWSER_KEY_LIST:
    case HAWSER_KEY_REFERENCES:
    default:
      return NULL;
    }
}

/* ---- properties ---- */

static char *
enum_words (GParamSpec *pspec)
{
  GEnumClass *klass = G_PARAM_SPEC_ENUM (pspec)->enum_class;
  GString *words = g_string_new (NULL);

  for (guint i = 0; i < klass->n_values; i++)
    g_string_append_printf (words, "%s%s", i > 0 ? " " : "", klass->values[i].value_nick);
  return g_string_free (words, FALSE);
}

static HawserKeyType
text_key_type (const char *name)
{
  if (g_str_has_suffix (name, "credential"))
    return HAWSER_KEY_CREDENTIAL;
  if (!g_str_has_suffix (name, "-file"))
    return HAWSER_KEY_STRING;
  for (gsize i = 0; i < 5; i++)
    if (strstr (name, ((const char *[]) { "password", "key", "secret", "token", "psk" })[i]) != NULL)
      return HAWSER_KEY_SECRET_FILE;
  return HAWSER_KEY_FILE;
}

static gboolean
describe_number (GParamSpec *pspec, HawserConfigKey *key)
{
#define RANGE(SPEC) (key->minimum = (double) SPEC (pspec)->minimum, key->maximum = (double) SPEC (pspec)->maximum)
  key->type = HAWSER_KEY_INTEGER;
  if (G_IS_PARAM_SPEC_INT (pspec))
    RANGE (G_PARAM_SPEC_INT);
  else if (G_IS_PARAM_SPEC_UINT (pspec))
    RANGE (G_PARAM_SPEC_UINT);
  else if (G_IS_PARAM_SPEC_INT64 (pspec))
    RANGE (G_PARAM_SPEC_INT64);
  else if (G_IS_PARAM_SPEC_UINT64 (pspec))
    RANGE (G_PARAM_SPEC_UINT64);
  else if (G_IS_PARAM_SPEC_DOUBLE (pspec))
    {
      RANGE (G_PARAM_SPEC_DOUBLE);
      key->type = HAWSER_KEY_NUMBER;
    }
  else
    return FALSE;
#undef RANGE
  if (hawser_param_spec_get_unit (pspec) != HAWSER_PARAM_UNIT_NONE)
    key->type = hawser_param_spec_get_unit (pspec) == HAWSER_PARAM_UNIT_DURATION ? HAWSER_KEY_DURATION : HAWSER_KEY_SIZE;
  return TRUE;
}

static char *
describe_default (GParamSpec *pspec, HawserKeyType type)
{
  const GValue *value = g_param_spec_get_default_value (pspec);

  switch (type)
    {
    case HAWSER_KEY_BOOLEAN:
      return g_strdup (g_value_get_boolean (value) ? "true" : "false");
    case HAWSER_KEY_DURATION:
      return hawser_duration_format (g_value_get_int64 (value));
    case HAWSER_KEY_SIZE:
      return hawser_size_format (g_value_get_uint64 (value));
    case HAWSER_KEY_WORD:
      return g_strdup (g_enum_get_value (G_PARAM_SPEC_ENUM (pspec)->enum_class, g_value_get_enum (value))->value_nick);
    case HAWSER_KEY_INTEGER:
    case HAWSER_KEY_NUMBER:
      {
        g_auto (GValue) text = G_VALUE_INIT;

        g_value_init (&text, G_TYPE_STRING);
        return g_value_transform (value, &text) ? g_value_dup_string (&text) : NULL;
      }
    default:
      return G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) : NULL;
    }
}

static void
free_type_key (gpointer data)
{
  HawserConfigTypeKey *self = data;

  g_param_spec_unref (self->pspec);
  g_free (self->default_text);
  g_free (self->words);
  g_free (self);
}

/* The keys that a plugin type adds: the properties that can be set and that a text can say. */
GPtrArray *
hawser_config_type_keys_new (const char *kind, GParamSpec **pspecs, guint n_pspecs)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func (free_type_key);

  for (guint i = 0; i < n_pspecs; i++)
    {
      HawserConfigKey key = { .kind = g_intern_string (kind), .key = g_intern_string (pspecs[i]->name), .description = g_param_spec_get_blurb (pspecs[i]) };
      HawserConfigTypeKey *self;

      if ((pspecs[i]->flags & G_PARAM_WRITABLE) == 0)
        continue;
      if (G_IS_PARAM_SPEC_BOOLEAN (pspecs[i]))
        key.type = HAWSER_KEY_BOOLEAN;
      else if (G_IS_PARAM_SPEC_ENUM (pspecs[i]))
        key.type = HAWSER_KEY_WORD;
      else if (G_IS_PARAM_SPEC_STRING (pspecs[i]))
        key.type = text_key_type (pspecs[i]->name);
      else if (G_PARAM_SPEC_VALUE_TYPE (pspecs[i]) == G_TYPE_STRV)
        key.type = HAWSER_KEY_LIST;
      else if (!describe_number (pspecs[i], &key))
        continue;

      self = g_new0 (HawserConfigTypeKey, 1);
      self->pspec = g_param_spec_ref (pspecs[i]);
      self->words = key.type == HAWSER_KEY_WORD ? enum_words (pspecs[i]) : NULL;
      self->default_text = describe_default (pspecs[i], key.type);
      self->key = key;
      self->key.words = self->words;
      self->key.default_text = self->default_text;
      self->key.is_hot = (pspecs[i]->flags & G_PARAM_CONSTRUCT_ONLY) == 0;
      g_ptr_array_add (keys, self);
    }
  return keys;
}

static void
set_number (GValue *value, gint64 integer, double number)
{
  switch (G_VALUE_TYPE (value))
    {
    case G_TYPE_INT:
      g_value_set_int (value, (int) integer);
      break;
    case G_TYPE_UINT:
      g_value_set_uint (value, (guint) integer);
      break;
    case G_TYPE_INT64:
      g_value_set_int64 (value, integer);
      break;
    case G_TYPE_UINT64:
      g_value_set_uint64 (value, (guint64) integer);
      break;
    default:
      g_value_set_double (value, number);
      break;
    }
}

gboolean
hawser_config_value_to_gvalue (const char *text, GParamSpec *pspec, GValue *out_value, char **out_problem)
{
  g_autoptr (GPtrArray) keys = hawser_config_type_keys_new ("", &pspec, 1);
  const HawserConfigKey *key;
  guint offset;
  gint64 integer = 0;
  double number = 0;

  if (keys->len == 0)
    {
      *out_problem = g_strdup ("this property cannot be set by a configuration");
      return FALSE;
    }
  key = &((HawserConfigTypeKey *) g_ptr_array_index (keys, 0))->key;
  *out_problem = hawser_config_check_text (key, text, &offset);
  if (*out_problem != NULL)
    return FALSE;

  g_value_init (out_value, G_PARAM_SPEC_VALUE_TYPE (pspec));
  if (key->type == HAWSER_KEY_BOOLEAN)
    g_value_set_boolean (out_value, strcmp (text, "true") == 0);
  else if (key->type == HAWSER_KEY_WORD)
    g_value_set_enum (out_value, g_enum_get_value_by_nick (G_PARAM_SPEC_ENUM (pspec)->enum_class, text)->value);
  else if (key->type == HAWSER_KEY_LIST)
    g_value_take_boxed (out_value, hawser_config_split (text));
  else if (G_VALUE_HOLDS_STRING (out_value))
    g_value_set_string (out_value, text);
  else if (hawser_config_parse_number (key, text, &number, &integer))
    set_number (out_value, integer, number);
  return TRUE;
}
