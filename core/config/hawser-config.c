/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration as one document: files and directories layered over each other, problems collected from all of them,
 * groups to be asked for. It only says what is written; making topics and listeners of it is somebody else's work.
 * Belongs to the thread that made it. */

#include "hawser-config.h"

#include <string.h>

#include "hawser-config-private.h"
#include "hawser-config-scanner-private.h"
#include "hawser-error.h"

struct _HawserConfig {
  GObject parent_instance;
  HawserConfigShared *shared;
  GPtrArray *groups;       /* of HawserConfigGroup, in the order of their first appearance */
  GHashTable *by_title;    /* the same, by title */
  guint n_files;
};

G_DEFINE_FINAL_TYPE (HawserConfig, hawser_config, G_TYPE_OBJECT)

static void
finalize (GObject *object)
{
  HawserConfig *self = HAWSER_CONFIG (object);

  g_hash_table_unref (self->by_title);
  g_ptr_array_unref (self->groups);
  hawser_config_shared_unref (self->shared);
  G_OBJECT_CLASS (hawser_config_parent_class)->finalize (object);
}

static void
hawser_config_class_init (HawserConfigClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_config_init (HawserConfig *self)
{
  self->shared = hawser_config_shared_new ();
  self->groups = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_config_group_unref);
  self->by_title = g_hash_table_new (g_str_hash, g_str_equal);
}

/**
 * hawser_config_new:
 *
 * Returns: (transfer full): an empty configuration
 * Since: 0.1
 */
HawserConfig *
hawser_config_new (void)
{
  return g_object_new (HAWSER_TYPE_CONFIG, NULL);
}

/* ---- reading ---- */

typedef struct {
  HawserConfig *config;
  const char *file;
  HawserConfigGroup *group;
} Reader;

static void
on_group (const char *text, guint line, guint column, gpointer user_data)
{
  Reader *reader = user_data;
  g_autoptr (HawserConfigGroup) group = hawser_config_group_new (reader->config->shared, text, reader->file, line, column);

  reader->group = g_hash_table_lookup (reader->config->by_title, group->title);
  if (reader->group != NULL)
    return;
  reader->group = group;
  g_hash_table_insert (reader->config->by_title, group->title, group);
  g_ptr_array_add (reader->config->groups, g_steal_pointer (&group));
}

static void
on_key (const char *key, const char *value, guint line, guint key_column, guint value_column, gpointer user_data)
{
  Reader *reader = user_data;

  hawser_config_group_set (reader->group, key, value, reader->file, line, key_column, value_column);
}

static void
on_problem (gboolean is_warning, guint line, guint column, const char *text, gpointer user_data)
{
  Reader *reader = user_data;

  hawser_config_shared_report (reader->config->shared, is_warning ? HAWSER_CONFIG_SEVERITY_WARNING : HAWSER_CONFIG_SEVERITY_ERROR, reader->file, line, column, text);
}

/**
 * hawser_config_add_text:
 * @self: a configuration
 * @name: what stands in place of a path in problems
 * @text: the text, which is checked for being UTF-8
 * @len: its length in bytes, or -1 if it ends with a NUL
 *
 * Lays @text over what is there: a group is continued, a key takes the place of the same key of an earlier text.
 * What is wrong with it is found among the problems. Variables are replaced now.
 *
 * Since: 0.1
 */
void
hawser_config_add_text (HawserConfig *self, const char *name, const char *text, gssize len)
{
  static const HawserConfigScannerHandler handler = { on_group, on_key, on_problem };
  Reader reader = { self, name, NULL };

  self->n_files++;
  hawser_config_scan (text, len < 0 ? strlen (text) : (gsize) len, &handler, &reader);
}

/* Reads no more of a file than is allowed, whatever its size is said to be. */
static GBytes *
read_bounded (const char *path, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, error);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 buffer[65536];
  gssize n;

  if (stream == NULL)
    return NULL;
  do
    {
      n = g_input_stream_read (G_INPUT_STREAM (stream), buffer, sizeof buffer, NULL, error);
      if (n < 0)
        return NULL;
      g_byte_array_append (bytes, buffer, (guint) n);
    }
  while (n > 0 && bytes->len <= HAWSER_CONFIG_MAX_FILE_LEN);
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/**
 * hawser_config_add_file:
 * @self: a configuration
 * @path: path of a file
 * @error: return location
 *
 * Reads a file of at most 16 MiB as hawser_config_add_text() does.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND when it cannot be read; that is among the problems too.
 *
 * Returns: %TRUE if it could be read, however bad it is
 * Since: 0.1
 */
gboolean
hawser_config_add_file (HawserConfig *self, const char *path, GError **error)
{
  g_autoptr (GError) cause = NULL;
  g_autoptr (GBytes) bytes = read_bounded (path, &cause);
  gsize len;
  const char *text;

  if (bytes == NULL)
    {
      self->n_files++;
      hawser_config_shared_report (self->shared, HAWSER_CONFIG_SEVERITY_ERROR, path, 0, 0, cause->message);
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "%s: %s", path, cause->message);
      return FALSE;
    }
  text = g_bytes_get_data (bytes, &len);
  hawser_config_add_text (self, path, text != NULL ? text : "", (gssize) len);
  return TRUE;
}

/* ---- layers ---- */

static gboolean
is_masked (const char *path)
{
  g_autofree char *target = g_file_read_link (path, NULL);

  return g_strcmp0 (target, "/dev/null") == 0;
}

/* The files of one directory, exactly `.conf`; a name replaces what an earlier directory has under it. */
static void
collect_directory (const char *path, GTree *files)
{
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    if (g_str_has_suffix (name, ".conf") && name[0] != '.')
      g_tree_replace (files, g_strdup (name), g_build_filename (path, name, NULL));
}

static gboolean
add_unmasked (gpointer name, gpointer path, gpointer user_data)
{
  GPtrArray *paths = user_data;

  if (!is_masked (path))
    g_ptr_array_add (paths, g_strdup (path));
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (a, b);
}

/* Of the directories up to and from hawser.conf: names in `later` shadow those in `earlier`. */
static void
drop_shadowed (GTree *earlier, GTree *later)
{
  for (GTreeNode *node = g_tree_node_first (later); node != NULL; node = g_tree_node_next (node))
    g_tree_remove (earlier, g_tree_node_key (node));
}

/**
 * hawser_config_add_layers:
 * @self: a configuration
 * @root: (nullable): a directory that stands for `/`, or %NULL
 *
 * Reads what a system has, later files winning key by key: `usr/lib/hawser/conf.d`, `run/hawser/conf.d`,
 * `etc/hawser/hawser.conf`, `etc/hawser/conf.d` and last `var/lib/hawser/runtime.conf`. In the directories only names that
 * end exactly in `.conf` count, in order of name; a name in a later directory shadows the same name in an earlier one, and a
 * link to `/dev/null` only takes away. With `$HAWSER_CONFIG` in the environment, that file is read and nothing else.
 *
 * Returns: the number of files found
 * Since: 0.1
 */
guint
hawser_config_add_layers (HawserConfig *self, const char *root)
{
  const char *only = g_getenv ("HAWSER_CONFIG");
  g_autoptr (GTree) below = g_tree_new_full (compare_names, NULL, g_free, g_free);
  g_autoptr (GTree) above = g_tree_new_full (compare_names, NULL, g_free, g_free);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *vendor = g_build_filename (root != NULL ? root : "/", "usr/lib/hawser/conf.d", NULL);
  g_autofree char *volatile_ = g_build_filename (root != NULL ? root : "/", "run/hawser/conf.d", NULL);
  g_autofree char *main_file = g_build_filename (root != NULL ? root : "/", "etc/hawser/hawser.conf", NULL);
  g_autofree char *local = g_build_filename (root != NULL ? root : "/", "etc/hawser/conf.d", NULL);
  g_autofree char *runtime = g_build_filename (root != NULL ? root : "/", "var/lib/hawser/runtime.conf", NULL);

  if (only != NULL && *only != '\0')
    {
      hawser_config_add_file (self, only, NULL);
      return 1;
    }
  collect_directory (vendor, below);
  collect_directory (volatile_, below);
  collect_directory (local, above);
  drop_shadowed (below, above);

  g_tree_foreach (below, add_unmasked, paths);
  if (g_file_test (main_file, G_FILE_TEST_EXISTS) && !is_masked (main_file))
    g_ptr_array_add (paths, g_strdup (main_file));
  g_tree_foreach (above, add_unmasked, paths);
  if (g_file_test (runtime, G_FILE_TEST_EXISTS))
    g_ptr_array_add (paths, g_strdup (runtime));
  for (guint i = 0; i < paths->len; i++)
    hawser_config_add_file (self, g_ptr_array_index (paths, i), NULL);
  return paths->len;
}

/* ---- checking ---- */

/**
 * hawser_config_set_type_keys:
 * @self: a configuration
 * @kind: `listener`, `identity`, `subscription` or `twin`
 * @type: what `type=` says
 * @pspecs: (array length=n_pspecs) (nullable): the properties of the plugin's object
 * @n_pspecs: how many
 *
 * Makes a plugin's type known, with its writable properties as keys. Before that, the type is an error in a group.
 *
 * Since: 0.1
 */
void
hawser_config_set_type_keys (HawserConfig *self, const char *kind, const char *type, GParamSpec **pspecs, guint n_pspecs)
{
  g_hash_table_replace (self->shared->types, g_strconcat (kind, "\n", type, NULL), hawser_config_type_keys_new (kind, pspecs, n_pspecs));
}

/* A plugin has this type, opened or not: what a mistyped one may have meant. */
void
hawser_config_note_offered (HawserConfig *self, const char *kind, const char *type)
{
  g_hash_table_add (self->shared->offered, g_strconcat (kind, "\n", type, NULL));
}

/**
 * hawser_config_check:
 * @self: a configuration with all its texts and types
 *
 * Looks at everything that can be seen without starting anything: kinds, keys, types, values, references between groups,
 * listeners that would let strangers in. Finds all problems, not the first.
 *
 * Returns: %TRUE if there is no error; there may be warnings
 * Since: 0.1
 */
gboolean
hawser_config_check (HawserConfig *self)
{
  hawser_config_check_groups (self->shared, self->groups);
  return self->shared->n_errors == 0;
}

/**
 * hawser_config_list_groups:
 * @self: a configuration
 * @kind: (nullable): a kind, or %NULL for all
 *
 * Returns: (transfer container) (element-type HawserConfigGroup): the groups in order of appearance
 * Since: 0.1
 */
GPtrArray *
hawser_config_list_groups (HawserConfig *self, const char *kind)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_config_group_unref);

  for (guint i = 0; i < self->groups->len; i++)
    {
      HawserConfigGroup *group = g_ptr_array_index (self->groups, i);

      if (kind == NULL || strcmp (group->kind, kind) == 0)
        g_ptr_array_add (groups, hawser_config_group_ref (group));
    }
  return groups;
}

/**
 * hawser_config_get_group:
 * @self: a configuration
 * @kind: a kind
 * @name: (nullable): a name, or %NULL for kinds that are there once
 *
 * A kind that is there once is always there: when no file opens it, it is empty and its getters answer defaults.
 *
 * Returns: (transfer none) (nullable): the group
 * Since: 0.1
 */
HawserConfigGroup *
hawser_config_get_group (HawserConfig *self, const char *kind, const char *name)
{
  const HawserConfigKind *known = hawser_config_find_kind (kind);
  g_autofree char *title = name != NULL && *name != '\0' ? g_strconcat (kind, " ", name, NULL) : g_strdup (kind);
  HawserConfigGroup *group = g_hash_table_lookup (self->by_title, title);

  if (group != NULL || known == NULL || known->is_named || (name != NULL && *name != '\0'))
    return group;
  group = hawser_config_group_new (self->shared, title, "default", 0, 0);
  g_hash_table_insert (self->by_title, group->title, group);
  g_ptr_array_add (self->groups, group);
  return group;
}

/* ---- problems ---- */

static int
compare_problems (gconstpointer a, gconstpointer b)
{
  HawserConfigProblem *x = *(HawserConfigProblem * const *) a, *y = *(HawserConfigProblem * const *) b;
  int order = strcmp (hawser_config_problem_get_file (x), hawser_config_problem_get_file (y));

  if (order == 0)
    order = (int) hawser_config_problem_get_line (x) - (int) hawser_config_problem_get_line (y);
  if (order == 0)
    order = (int) hawser_config_problem_get_column (x) - (int) hawser_config_problem_get_column (y);
  return order != 0 ? order : strcmp (hawser_config_problem_get_text (x), hawser_config_problem_get_text (y));
}

/**
 * hawser_config_list_problems:
 * @self: a configuration
 *
 * Returns: (transfer container) (element-type HawserConfigProblem): what is wrong, by file, line and column
 * Since: 0.1
 */
GPtrArray *
hawser_config_list_problems (HawserConfig *self)
{
  GPtrArray *problems = g_ptr_array_new_with_free_func ((GDestroyNotify) hawser_config_problem_unref);

  for (guint i = 0; i < self->shared->problems->len; i++)
    g_ptr_array_add (problems, hawser_config_problem_ref (g_ptr_array_index (self->shared->problems, i)));
  g_ptr_array_sort (problems, compare_problems);
  return problems;
}

static void
append_count (GString *out, guint n, const char *thing)
{
  g_string_append_printf (out, "%u %s%s", n, thing, n == 1 ? "" : "s");
}

/**
 * hawser_config_report:
 * @self: a configuration
 *
 * Returns: (transfer full): every problem on a line, and a last line such as `4 errors, 1 warning in 3 files`
 * Since: 0.1
 */
char *
hawser_config_report (HawserConfig *self)
{
  g_autoptr (GPtrArray) problems = hawser_config_list_problems (self);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < problems->len; i++)
    {
      g_autofree char *line = hawser_config_problem_to_string (g_ptr_array_index (problems, i));

      g_string_append_printf (out, "%s\n", line);
    }
  append_count (out, self->shared->n_errors, "error");
  g_string_append (out, ", ");
  append_count (out, self->shared->n_warnings, "warning");
  g_string_append (out, " in ");
  append_count (out, self->n_files, "file");
  g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}

/**
 * hawser_config_get_n_errors:
 * @self: a configuration
 *
 * Returns: how many problems are errors
 * Since: 0.1
 */
guint
hawser_config_get_n_errors (HawserConfig *self)
{
  return self->shared->n_errors;
}

/**
 * hawser_config_get_n_warnings:
 * @self: a configuration
 *
 * Returns: how many problems are warnings
 * Since: 0.1
 */
guint
hawser_config_get_n_warnings (HawserConfig *self)
{
  return self->shared->n_warnings;
}

/**
 * hawser_config_get_n_files:
 * @self: a configuration
 *
 * Returns: how many files and texts were added
 * Since: 0.1
 */
guint
hawser_config_get_n_files (HawserConfig *self)
{
  return self->n_files;
}

/* ---- showing ---- */

/* A password in a URI is not shown. */
static char *
hide_password (const char *raw)
{
  const char *start = strstr (raw, "://"), *at, *colon;

  if (start == NULL)
    return g_strdup (raw);
  start += 3;
  at = memchr (start, '@', strcspn (start, "/"));
  colon = at != NULL ? memchr (start, ':', (gsize) (at - start)) : NULL;
  return colon != NULL ? g_strdup_printf ("%.*s***%s", (int) (colon + 1 - raw), raw, at) : g_strdup (raw);
}

static void
print_group (HawserConfigGroup *group, gboolean with_origin, GString *out)
{
  g_string_append_printf (out, "%s[%s]\n", out->len > 0 ? "\n" : "", group->title);
  for (guint i = 0; i < group->values->len; i++)
    {
      HawserConfigValue *value = g_ptr_array_index (group->values, i);
      g_autofree char *shown = hide_password (value->raw);

      if (with_origin)
        g_string_append_printf (out, "# %s:%u\n", value->file, value->line);
      g_string_append_printf (out, "%s=%s\n", value->key, shown);
    }
}

/**
 * hawser_config_print:
 * @self: a configuration
 * @with_origin: whether a comment before each key says where it was set
 *
 * Everything that is in effect, in one text that reads back to the same configuration: kinds in their order, groups and keys
 * in order of appearance, variables as written. Holds no secret, since the configuration only names them; a password in a URI
 * is replaced by `***`.
 *
 * Returns: (transfer full): the text
 * Since: 0.1
 */
char *
hawser_config_print (HawserConfig *self, gboolean with_origin)
{
  GString *out = g_string_new (NULL);

  for (const HawserConfigKind *kind = hawser_config_kinds; kind->kind != NULL; kind++)
    for (guint i = 0; i < self->groups->len; i++)
      {
        HawserConfigGroup *group = g_ptr_array_index (self->groups, i);

        if (strcmp (group->kind, kind->kind) == 0 && (kind->is_named || group->values->len > 0))
          print_group (group, with_origin, out);
      }
  return g_string_free (out, FALSE);
}

static void
explain_key (const HawserConfigKey *key, const char *type, GString *out)
{
  g_autofree char *range = hawser_config_key_range (key);
  gboolean is_reference = key->type == HAWSER_KEY_REFERENCE || key->type == HAWSER_KEY_REFERENCES;

  g_string_append_printf (out, "%s%s%s.%s\n", key->kind, type != NULL ? "." : "", type != NULL ? type : "", key->key);
  g_string_append_printf (out, "  type     %s%s%s%s\n", hawser_config_key_type_name (key->type), is_reference ? " of a [" : "", is_reference ? key->words : "", is_reference ? " NAME]" : "");
  g_string_append_printf (out, "  default  %s\n", key->default_text != NULL && *key->default_text != '\0' ? key->default_text : "none");
  if (range != NULL)
    g_string_append_printf (out, "  range    %s\n", range);
  g_string_append_printf (out, "  reload   %s\n", key->is_hot ? "hot: takes effect at once" : "cold: needs a restart");
  g_string_append (out, "  since    0.1\n");
  if (key->description != NULL)
    g_string_append_printf (out, "\n  %s.\n", key->description);
}

static const HawserConfigKey *
find_type_key (HawserConfig *self, const char *kind, const char *type, const char *key)
{
  g_autofree char *id = g_strconcat (kind, "\n", type, NULL);
  GPtrArray *keys = g_hash_table_lookup (self->shared->types, id);

  for (guint i = 0; keys != NULL && i < keys->len; i++)
    {
      HawserConfigTypeKey *type_key = g_ptr_array_index (keys, i);

      if (strcmp (type_key->key.key, key) == 0)
        return &type_key->key;
    }
  return NULL;
}

/**
 * hawser_config_explain:
 * @self: a configuration, for the types it knows
 * @path: `KIND.KEY` or `KIND.TYPE.KEY`, such as `listener.mqtt.keep-alive-maximum`
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: (transfer full): type, default, range, reload, since and meaning of one key
 * Since: 0.1
 */
char *
hawser_config_explain (HawserConfig *self, const char *path, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (path, ".", 3);
  guint n = g_strv_length (parts);
  const HawserConfigKey *key = NULL;
  GString *out;

  if (n == 2)
    key = hawser_config_find_core_key (parts[0], parts[1]);
  if (n == 3)
    key = hawser_config_find_core_key (parts[0], parts[2]);
  if (n == 3 && key == NULL)
    key = find_type_key (self, parts[0], parts[1], parts[2]);
  if (key == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no key '%s'", path);
      return NULL;
    }
  out = g_string_new (NULL);
  explain_key (key, n == 3 ? parts[1] : NULL, out);
  return g_string_free (out, FALSE);
}

static void
sample_key (const HawserConfigKey *key, const char *value, GString *out)
{
  g_autofree char *range = hawser_config_key_range (key);

  if (key->description != NULL)
    g_string_append_printf (out, "# %s%s%s%s\n", key->description, range != NULL ? " (" : "", range != NULL ? range : "", range != NULL ? ")" : "");
  if (value != NULL)
    g_string_append_printf (out, "%s=%s\n", key->key, value);
  else
    g_string_append_printf (out, "#%s=%s\n", key->key, key->default_text != NULL ? key->default_text : "");
}

/* A working value for the keys that a group cannot be without. */
static const char *
sample_value (const HawserConfigKind *kind, const HawserConfigKey *key, const char *type)
{
  g_auto (GStrv) required = g_strsplit (kind->required, " ", -1);

  if (strcmp (key->key, "type") == 0)
    return type;
  if (strcmp (key->kind, "tls") == 0 && g_str_has_suffix (key->key, "e-file"))
    return "/etc/hawser/certificate.pem";
  if (strcmp (key->kind, "tls") == 0 && strcmp (key->key, "private-key-file") == 0)
    return "/etc/hawser/private-key.pem";
  if (!g_strv_contains ((const char * const *) required, key->key))
    return NULL;
  return key->type == HAWSER_KEY_ADDRESS ? "tcp:127.0.0.1:0" : key->type == HAWSER_KEY_POLICY ? "role == \"operator\"" : "example/topic";
}

/**
 * hawser_config_sample:
 * @self: a configuration, for the types it knows
 * @kind: a kind
 * @type: (nullable): a plugin type of that kind
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND for a kind or type that is not known.
 *
 * Returns: (transfer full): a group with every key, its meaning before it and its default commented out
 * Since: 0.1
 */
char *
hawser_config_sample (HawserConfig *self, const char *kind, const char *type, GError **error)
{
  const HawserConfigKind *known = hawser_config_find_kind (kind);
  g_autofree char *id = g_strconcat (kind, "\n", type != NULL ? type : "", NULL);
  GPtrArray *keys = g_hash_table_lookup (self->shared->types, id);
  GString *out;

  if (known == NULL || (type != NULL && keys == NULL))
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no %s%s%s", kind, type != NULL ? " of type " : "", type != NULL ? type : "");
      return NULL;
    }
  out = g_string_new (NULL);
  g_string_append_printf (out, "# %s\n[%s%s]\n", known->description, kind, known->is_named ? " example" : "");
  for (const HawserConfigKey *key = hawser_config_keys; key->key != NULL; key++)
    if (strcmp (key->kind, kind) == 0)
      sample_key (key, sample_value (known, key, type), out);
  for (guint i = 0; keys != NULL && i < keys->len; i++)
    {
      HawserConfigTypeKey *type_key = g_ptr_array_index (keys, i);

      if (hawser_config_find_core_key (kind, type_key->key.key) == NULL)
        sample_key (&type_key->key, NULL, out);
    }
  return g_string_free (out, FALSE);
}
