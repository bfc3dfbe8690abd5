/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One `[kind name]` with its effective values and where each came from. Getters know each key's type, range and default from
 * the tables, so a caller names the key and nothing else; what cannot be read is reported with its position and answered by
 * the default. For the thread that owns the configuration. */

#include "hawser-config-group.h"
#include "hawser-config-private.h"

#include <string.h>

#include "hawser-config.h"
#include "hawser-config-scanner-private.h"
#include "hawser-error.h"

G_DEFINE_BOXED_TYPE (HawserConfigGroup, hawser_config_group, hawser_config_group_ref, hawser_config_group_unref)

static void
free_keys (gpointer keys)
{
  g_ptr_array_unref (keys);
}

HawserConfigShared *
hawser_config_shared_new (void)
{
  HawserConfigShared *self = g_new0 (HawserConfigShared, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->problems = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_config_problem_unref);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->types = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_keys);
  self->offered = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

HawserConfigShared *
hawser_config_shared_ref (HawserConfigShared *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
hawser_config_shared_unref (HawserConfigShared *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->problems);
  g_hash_table_unref (self->seen);
  g_hash_table_unref (self->types);
  g_hash_table_unref (self->offered);
  g_free (self);
}

/* Each problem once, however often somebody stumbles over it; all are counted, the first thousand are kept. */
void
hawser_config_shared_report (HawserConfigShared *self, HawserConfigSeverity severity, const char *file, guint line, guint column, const char *text)
{
  HawserConfigProblem *problem = hawser_config_problem_new (severity, file, line, column, text);
  char *shown = hawser_config_problem_to_string (problem);

  if (self->problems->len >= HAWSER_CONFIG_MAX_PROBLEMS || !g_hash_table_add (self->seen, shown))
    {
      if (self->problems->len >= HAWSER_CONFIG_MAX_PROBLEMS)
        g_free (shown);
      hawser_config_problem_unref (problem);
      return;
    }
  if (severity == HAWSER_CONFIG_SEVERITY_ERROR)
    self->n_errors++;
  else
    self->n_warnings++;
  g_ptr_array_add (self->problems, problem);
}

static void
free_value (gpointer data)
{
  HawserConfigValue *value = data;

  g_free (value->key);
  g_free (value->raw);
  g_free (value->text);
  g_free (value->problem);
  g_free (value->file);
  g_free (value);
}

HawserConfigGroup *
hawser_config_group_new (HawserConfigShared *shared, const char *title, const char *file, guint line, guint column)
{
  HawserConfigGroup *self = g_new0 (HawserConfigGroup, 1);
  gsize kind_len = strcspn (title, " \t");

  g_atomic_ref_count_init (&self->ref_count);
  self->shared = hawser_config_shared_ref (shared);
  self->kind = g_strndup (title, kind_len);
  self->name = g_strstrip (g_strdup (title + kind_len));
  self->title = *self->name != '\0' ? g_strconcat (self->kind, " ", self->name, NULL) : g_strdup (self->kind);
  self->file = g_strdup (file);
  self->line = line;
  self->column = column;
  self->values = g_ptr_array_new_with_free_func (free_value);
  return self;
}

HawserConfigValue *
hawser_config_group_find (HawserConfigGroup *self, const char *key)
{
  for (guint i = 0; i < self->values->len; i++)
    {
      HawserConfigValue *value = g_ptr_array_index (self->values, i);

      if (strcmp (value->key, key) == 0)
        return value;
    }
  return NULL;
}

/* A later file's value takes the place of an earlier one's. */
void
hawser_config_group_set (HawserConfigGroup *self, const char *key, const char *raw, const char *file, guint line, guint key_column, guint value_column)
{
  HawserConfigValue *value = hawser_config_group_find (self, key);

  if (value == NULL && self->values->len >= HAWSER_CONFIG_MAX_KEYS)
    {
      g_autofree char *text = g_strdup_printf ("[%s] has more than %d keys", self->title, HAWSER_CONFIG_MAX_KEYS);

      hawser_config_shared_report (self->shared, HAWSER_CONFIG_SEVERITY_ERROR, self->file, self->line, self->column, text);
      return;
    }
  if (value == NULL)
    {
      value = g_new0 (HawserConfigValue, 1);
      g_ptr_array_add (self->values, value);
    }
  g_free (value->key);
  g_free (value->raw);
  g_free (value->text);
  g_free (value->problem);
  g_free (value->file);
  value->key = g_strdup (key);
  value->raw = g_strdup (raw);
  value->text = hawser_config_expand (raw, &value->problem, &value->problem_column);
  value->file = g_strdup (file);
  value->line = line;
  value->key_column = key_column;
  value->value_column = value_column;
}

/* The value as messages show it: as written, so a variable's content stays where it is, and not endless. */
char *
hawser_config_value_show (const HawserConfigValue *value)
{
  return g_utf8_strlen (value->raw, -1) <= 80 ? g_strdup (value->raw) : g_strdup_printf ("%.*s…", (int) (g_utf8_offset_to_pointer (value->raw, 79) - value->raw), value->raw);
}

void
hawser_config_group_report (HawserConfigGroup *self, HawserConfigSeverity severity, const char *format, ...)
{
  g_autofree char *rest = NULL, *text = NULL;
  va_list args;

  va_start (args, format);
  rest = g_strdup_vprintf (format, args);
  va_end (args);
  text = g_strdup_printf ("[%s] %s", self->title, rest);
  hawser_config_shared_report (self->shared, severity, self->file, self->line, self->column, text);
}

/* offset: the character of the value it is at; it is used when no variable moved the characters. */
void
hawser_config_group_report_at (HawserConfigGroup *self, const HawserConfigValue *value, guint offset, HawserConfigSeverity severity, const char *format, ...)
{
  g_autofree char *rest = NULL, *text = NULL;
  guint column = value->value_column + (strcmp (value->raw, value->text) == 0 || value->problem != NULL ? offset : 0);
  va_list args;

  va_start (args, format);
  rest = g_strdup_vprintf (format, args);
  va_end (args);
  text = g_strdup_printf ("[%s] %s", self->title, rest);
  hawser_config_shared_report (self->shared, severity, value->file, value->line, column, text);
}

/* The declaration of a key for this group: of its kind, or of its plugin type. */
const HawserConfigKey *
hawser_config_group_find_key (HawserConfigGroup *self, const char *key)
{
  const HawserConfigKey *found = hawser_config_find_core_key (self->kind, key);
  HawserConfigValue *type = hawser_config_group_find (self, "type");
  g_autofree char *id = NULL;
  GPtrArray *keys;

  if (found != NULL || type == NULL)
    return found;
  id = g_strconcat (self->kind, "\n", type->text, NULL);
  keys = g_hash_table_lookup (self->shared->types, id);
  for (guint i = 0; keys != NULL && i < keys->len; i++)
    {
      HawserConfigTypeKey *type_key = g_ptr_array_index (keys, i);

      if (strcmp (type_key->key.key, key) == 0)
        return &type_key->key;
    }
  return NULL;
}

/**
 * hawser_config_group_get_kind:
 * @self: a group
 *
 * Returns: the first word of the group, such as `listener`
 * Since: 0.1
 */
const char *
hawser_config_group_get_kind (HawserConfigGroup *self)
{
  return self->kind;
}

/**
 * hawser_config_group_get_name:
 * @self: a group
 *
 * Returns: what follows the kind: a name, topic, filter or id; empty for kinds that are there once
 * Since: 0.1
 */
const char *
hawser_config_group_get_name (HawserConfigGroup *self)
{
  return self->name;
}

/**
 * hawser_config_group_get_title:
 * @self: a group
 *
 * Returns: kind and name, as between the brackets
 * Since: 0.1
 */
const char *
hawser_config_group_get_title (HawserConfigGroup *self)
{
  return self->title;
}

/**
 * hawser_config_group_has:
 * @self: a group
 * @key: a key
 *
 * Returns: whether some file sets @key
 * Since: 0.1
 */
gboolean
hawser_config_group_has (HawserConfigGroup *self, const char *key)
{
  return hawser_config_group_find (self, key) != NULL;
}

/* The usable text of a key: what is set, if it can be read, else the default. */
static const char *
usable (HawserConfigGroup *self, const char *key, const HawserConfigKey **out_key)
{
  HawserConfigValue *value = hawser_config_group_find (self, key);
  const HawserConfigKey *declared = hawser_config_group_find_key (self, key);
  g_autofree char *problem = NULL, *shown = NULL;
  guint offset;

  *out_key = declared;
  if (value == NULL)
    return declared != NULL ? declared->default_text : NULL;
  if (value->problem == NULL && (declared == NULL || (problem = hawser_config_check_text (declared, value->text, &offset)) == NULL))
    return value->text;
  shown = hawser_config_value_show (value);
  if (value->problem != NULL)
    hawser_config_group_report_at (self, value, value->problem_column - 1, HAWSER_CONFIG_SEVERITY_ERROR, "%s: %s", key, value->problem);
  else
    hawser_config_group_report_at (self, value, offset, HAWSER_CONFIG_SEVERITY_ERROR, "%s=%s: %s", key, shown, problem);
  return declared != NULL ? declared->default_text : NULL;
}

/**
 * hawser_config_group_get_string:
 * @self: a group
 * @key: a key of any type
 *
 * Returns: (nullable): its text with variables replaced, or its default
 * Since: 0.1
 */
const char *
hawser_config_group_get_string (HawserConfigGroup *self, const char *key)
{
  const HawserConfigKey *declared;

  return usable (self, key, &declared);
}

/**
 * hawser_config_group_get_list:
 * @self: a group
 * @key: a key whose value is a list
 *
 * Returns: (transfer full) (array zero-terminated=1): the items; none when it is not set and has no default
 * Since: 0.1
 */
char **
hawser_config_group_get_list (HawserConfigGroup *self, const char *key)
{
  const char *text = hawser_config_group_get_string (self, key);

  return hawser_config_split (text != NULL ? text : "");
}

/**
 * hawser_config_group_get_boolean:
 * @self: a group
 * @key: a boolean key
 *
 * Returns: its value, or its default
 * Since: 0.1
 */
gboolean
hawser_config_group_get_boolean (HawserConfigGroup *self, const char *key)
{
  return g_strcmp0 (hawser_config_group_get_string (self, key), "true") == 0;
}

static gint64
get_number (HawserConfigGroup *self, const char *key, HawserKeyType fallback, double *out_double)
{
  const HawserConfigKey *declared;
  const char *text = usable (self, key, &declared);
  const HawserConfigKey plain = { .type = fallback };
  gint64 integer = 0;

  *out_double = 0;
  if (text == NULL || !hawser_config_parse_number (declared != NULL ? declared : &plain, text, out_double, &integer))
    return 0;
  return integer;
}

/**
 * hawser_config_group_get_uint:
 * @self: a group
 * @key: an integer key
 *
 * Returns: its value, or its default, or 0
 * Since: 0.1
 */
guint64
hawser_config_group_get_uint (HawserConfigGroup *self, const char *key)
{
  double unused;

  return (guint64) MAX (0, get_number (self, key, HAWSER_KEY_INTEGER, &unused));
}

/**
 * hawser_config_group_get_double:
 * @self: a group
 * @key: a key that is a number
 *
 * Returns: its value, or its default, or 0
 * Since: 0.1
 */
double
hawser_config_group_get_double (HawserConfigGroup *self, const char *key)
{
  double number;

  get_number (self, key, HAWSER_KEY_NUMBER, &number);
  return number;
}

/**
 * hawser_config_group_get_duration_us:
 * @self: a group
 * @key: a key that is a duration
 *
 * Returns: microseconds; its value, or its default, or 0
 * Since: 0.1
 */
gint64
hawser_config_group_get_duration_us (HawserConfigGroup *self, const char *key)
{
  double unused;

  return get_number (self, key, HAWSER_KEY_DURATION, &unused);
}

/**
 * hawser_config_group_get_size:
 * @self: a group
 * @key: a key that is a size
 *
 * Returns: bytes; its value, or its default, or 0
 * Since: 0.1
 */
guint64
hawser_config_group_get_size (HawserConfigGroup *self, const char *key)
{
  double unused;

  return (guint64) get_number (self, key, HAWSER_KEY_SIZE, &unused);
}

/**
 * hawser_config_group_list_keys:
 * @self: a group
 *
 * Returns: (transfer full) (array zero-terminated=1): the keys that some file sets, in order of appearance
 * Since: 0.1
 */
char **
hawser_config_group_list_keys (HawserConfigGroup *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->values->len; i++)
    g_strv_builder_add (builder, ((HawserConfigValue *) g_ptr_array_index (self->values, i))->key);
  return g_strv_builder_end (builder);
}

/**
 * hawser_config_group_get_origin:
 * @self: a group
 * @key: (nullable): a key, or %NULL for the group itself
 *
 * Returns: (transfer full) (nullable): `FILE:LINE` of the effective value; %NULL when it is not set
 * Since: 0.1
 */
char *
hawser_config_group_get_origin (HawserConfigGroup *self, const char *key)
{
  HawserConfigValue *value = key != NULL ? hawser_config_group_find (self, key) : NULL;

  if (key == NULL)
    return g_strdup_printf ("%s:%u", self->file, self->line);
  return value != NULL ? g_strdup_printf ("%s:%u", value->file, value->line) : NULL;
}

/**
 * hawser_config_group_add_problem:
 * @self: a group
 * @key: (nullable): the key it is about, or %NULL for the whole group
 * @severity: error or warning
 * @text: what is wrong; group, key and value are put before it
 *
 * For checks that only the user of the group can make, such as whether an address is free.
 *
 * Since: 0.1
 */
void
hawser_config_group_add_problem (HawserConfigGroup *self, const char *key, HawserConfigSeverity severity, const char *text)
{
  HawserConfigValue *value = key != NULL ? hawser_config_group_find (self, key) : NULL;
  g_autofree char *shown = value != NULL ? hawser_config_value_show (value) : NULL;

  if (value != NULL)
    hawser_config_group_report_at (self, value, 0, severity, "%s=%s: %s", key, shown, text);
  else if (key != NULL)
    hawser_config_group_report (self, severity, "%s: %s", key, text);
  else
    hawser_config_group_report (self, severity, "%s", text);
}

/**
 * hawser_config_group_read_secret:
 * @self: a group
 * @key: the word before `-credential` and `-file`, such as `private-key`
 * @error: return location
 *
 * Reads the secret that `KEY-credential` or `KEY-file` names; see hawser_config_read_secret().
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND when neither key is set or nothing is there.
 *
 * Returns: (transfer full): the secret
 * Since: 0.1
 */
char *
hawser_config_group_read_secret (HawserConfigGroup *self, const char *key, GError **error)
{
  g_autofree char *credential = g_strconcat (key, "-credential", NULL), *file = g_strconcat (key, "-file", NULL);
  char *secret = hawser_config_read_secret (hawser_config_group_get_string (self, credential), hawser_config_group_get_string (self, file), error);

  if (secret == NULL)
    g_prefix_error (error, "[%s] %s: ", self->title, key);
  return secret;
}

/* The keys of the group that are properties of the class, as values. */
static gboolean
collect (HawserConfigGroup *self, GObjectClass *klass, gboolean with_construct_only, GPtrArray *names, GArray *values, GError **error)
{
  for (guint i = 0; i < self->values->len; i++)
    {
      HawserConfigValue *value = g_ptr_array_index (self->values, i);
      GParamSpec *pspec = g_object_class_find_property (klass, value->key);
      GValue converted = G_VALUE_INIT;
      g_autofree char *problem = NULL, *shown = NULL;

      if (pspec == NULL || (pspec->flags & G_PARAM_WRITABLE) == 0 || (!with_construct_only && (pspec->flags & G_PARAM_CONSTRUCT_ONLY) != 0))
        continue;
      if (value->problem != NULL)
        problem = g_strdup (value->problem);
      if (problem != NULL || !hawser_config_value_to_gvalue (value->text, pspec, &converted, &problem))
        {
          shown = hawser_config_value_show (value);
          hawser_config_group_add_problem (self, value->key, HAWSER_CONFIG_SEVERITY_ERROR, problem);
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "[%s] %s=%s: %s", self->title, value->key, shown, problem);
          return FALSE;
        }
      g_ptr_array_add (names, (gpointer) pspec->name);
      g_array_append_val (values, converted);
    }
  return TRUE;
}

/**
 * hawser_config_group_new_object:
 * @self: a group
 * @type: a GObject type
 * @error: return location
 *
 * Makes an object whose properties are the keys of the group, construct-only ones included. Keys that are no property of
 * @type are left to who understands them.
 *
 * Errors: %HAWSER_ERROR_INVALID when a value has the wrong form or range; it is also among the problems.
 *
 * Returns: (transfer full): the object
 * Since: 0.1
 */
GObject *
hawser_config_group_new_object (HawserConfigGroup *self, GType type, GError **error)
{
  GObjectClass *klass = g_type_class_ref (type);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GArray) values = g_array_new (FALSE, TRUE, sizeof (GValue));
  GObject *object = NULL;

  g_array_set_clear_func (values, (GDestroyNotify) g_value_unset);
  if (collect (self, klass, TRUE, names, values, error))
    object = g_object_new_with_properties (type, names->len, (const char **) names->pdata, (const GValue *) (const void *) values->data);
  g_type_class_unref (klass);
  return object;
}

/**
 * hawser_config_group_apply_properties:
 * @self: a group
 * @target: an object
 * @error: return location
 *
 * Sets the properties of @target that the group has keys for, all or none; construct-only ones are left as they are.
 *
 * Errors: %HAWSER_ERROR_INVALID when a value has the wrong form or range; it is also among the problems.
 *
 * Returns: %TRUE if all were set
 * Since: 0.1
 */
gboolean
hawser_config_group_apply_properties (HawserConfigGroup *self, GObject *target, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GArray) values = g_array_new (FALSE, TRUE, sizeof (GValue));

  g_array_set_clear_func (values, (GDestroyNotify) g_value_unset);
  if (!collect (self, G_OBJECT_GET_CLASS (target), FALSE, names, values, error))
    return FALSE;
  g_object_setv (target, names->len, (const char **) names->pdata, (const GValue *) (const void *) values->data);
  return TRUE;
}

/**
 * hawser_config_group_ref:
 * @self: a group
 *
 * Returns: (transfer full): @self
 * Since: 0.1
 */
HawserConfigGroup *
hawser_config_group_ref (HawserConfigGroup *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * hawser_config_group_unref:
 * @self: (nullable) (transfer full): a group
 *
 * Since: 0.1
 */
void
hawser_config_group_unref (HawserConfigGroup *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  hawser_config_shared_unref (self->shared);
  g_free (self->title);
  g_free (self->kind);
  g_free (self->name);
  g_free (self->file);
  g_ptr_array_unref (self->values);
  g_free (self);
}
