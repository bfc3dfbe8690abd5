/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What plugins there are and what they fill. Key files are read when a directory is added and are all that listing
 * needs; a module is opened on first use, kept resident, and refused with one line when it does not fit this host.
 * Context: any thread may look up; adding paths belongs to start-up. */

#include "hawser-plugin-registry.h"
#include "hawser-plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <gmodule.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hawser-error.h"

struct _HawserPlugin {
  GObject parent_instance;
  char *name, *version, *description, *licence, *file, *abi;
  char **roles, **types;
  char *failure;
  gboolean is_loaded;
  HawserPluginDescribe describe;    /* known without a module: linked in */
};

typedef enum {
  PROP_NAME = 1,
  PROP_VERSION,
  PROP_DESCRIPTION,
  N_PLUGIN_PROPS
} PluginProp;

static GParamSpec *plugin_props[N_PLUGIN_PROPS];

G_DEFINE_FINAL_TYPE (HawserPlugin, hawser_plugin, G_TYPE_OBJECT)

struct _HawserPluginRegistry {
  GObject parent_instance;
  GListStore *plugins;
  GHashTable *types;                /* "role/type" -> GType, of opened plugins */
  GRecMutex lock;
};

G_DEFINE_FINAL_TYPE (HawserPluginRegistry, hawser_plugin_registry, G_TYPE_OBJECT)

/* ---- One plugin ---- */

static void
finalize_plugin (GObject *object)
{
  HawserPlugin *self = HAWSER_PLUGIN (object);

  g_free (self->name);
  g_free (self->version);
  g_free (self->description);
  g_free (self->licence);
  g_free (self->file);
  g_free (self->abi);
  g_free (self->failure);
  g_strfreev (self->roles);
  g_strfreev (self->types);
  G_OBJECT_CLASS (hawser_plugin_parent_class)->finalize (object);
}

static void
get_plugin_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  HawserPlugin *self = HAWSER_PLUGIN (object);

  switch ((PluginProp) id)
    {
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_VERSION: g_value_set_string (value, self->version); break;
    case PROP_DESCRIPTION: g_value_set_string (value, self->description); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
hawser_plugin_class_init (HawserPluginClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = finalize_plugin;
  object_class->get_property = get_plugin_property;
  /**
   * HawserPlugin:name:
   *
   * As in its key file.
   *
   * Since: 0.1
   */
  plugin_props[PROP_NAME] = g_param_spec_string ("name", NULL, "Name of the plugin", NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * HawserPlugin:version:
   *
   * As in its key file.
   *
   * Since: 0.1
   */
  plugin_props[PROP_VERSION] = g_param_spec_string ("version", NULL, "Version of the plugin", NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * HawserPlugin:description:
   *
   * One line about it.
   *
   * Since: 0.1
   */
  plugin_props[PROP_DESCRIPTION] = g_param_spec_string ("description", NULL, "What it is", NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PLUGIN_PROPS, plugin_props);
}

static void
hawser_plugin_init (HawserPlugin *self)
{
}

/**
 * hawser_plugin_get_name:
 * @self: a plugin
 *
 * Returns: its name, as in its key file
 * Since: 0.1
 */
const char *
hawser_plugin_get_name (HawserPlugin *self)
{
  return self->name;
}

/**
 * hawser_plugin_get_version:
 * @self: a plugin
 *
 * Returns: its version
 * Since: 0.1
 */
const char *
hawser_plugin_get_version (HawserPlugin *self)
{
  return self->version;
}

/**
 * hawser_plugin_get_description:
 * @self: a plugin
 *
 * Returns: one line about it
 * Since: 0.1
 */
const char *
hawser_plugin_get_description (HawserPlugin *self)
{
  return self->description;
}

/**
 * hawser_plugin_get_licence:
 * @self: a plugin
 *
 * Returns: its licence as an SPDX expression
 * Since: 0.1
 */
const char *
hawser_plugin_get_licence (HawserPlugin *self)
{
  return self->licence;
}

/**
 * hawser_plugin_get_file:
 * @self: a plugin
 *
 * Returns: path of its module, or `built-in`
 * Since: 0.1
 */
const char *
hawser_plugin_get_file (HawserPlugin *self)
{
  return self->file;
}

/**
 * hawser_plugin_get_roles:
 * @self: a plugin
 *
 * Returns: (array zero-terminated=1): what it can be: `protocol`, `sink`, `store`, `identity`
 * Since: 0.1
 */
const char * const *
hawser_plugin_get_roles (HawserPlugin *self)
{
  return (const char * const *) self->roles;
}

/**
 * hawser_plugin_get_types:
 * @self: a plugin
 *
 * Returns: (array zero-terminated=1): values of `type=` that choose it
 * Since: 0.1
 */
const char * const *
hawser_plugin_get_types (HawserPlugin *self)
{
  return (const char * const *) self->types;
}

/**
 * hawser_plugin_get_failure:
 * @self: a plugin
 *
 * Returns: (nullable): why it could not be used, in one line
 * Since: 0.1
 */
const char *
hawser_plugin_get_failure (HawserPlugin *self)
{
  return self->failure;
}

/**
 * hawser_plugin_get_is_loaded:
 * @self: a plugin
 *
 * Returns: whether its module was opened
 * Since: 0.1
 */
gboolean
hawser_plugin_get_is_loaded (HawserPlugin *self)
{
  return self->is_loaded;
}

static char *
get_string (GKeyFile *file, const char *key, const char *fallback)
{
  char *value = g_key_file_get_string (file, "Plugin", key, NULL);

  return value != NULL ? value : g_strdup (fallback);
}

/* HARDENING P4: whoever may write the file may run code as us. */
static gboolean
is_safe (const char *path, char **out_reason)
{
  struct stat info;

  if (stat (path, &info) != 0)
    *out_reason = g_strdup_printf ("module '%s': %s", path, g_strerror (errno));
  else if (info.st_mode & S_IWOTH)
    *out_reason = g_strdup_printf ("module '%s': may be written by everybody", path);
  return *out_reason == NULL;
}

static HawserPlugin *
read_key_file (const char *directory, const char *file_name)
{
  g_autofree char *path = g_build_filename (directory, file_name, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  HawserPlugin *self = g_object_new (HAWSER_TYPE_PLUGIN, NULL);
  gboolean is_read = g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &error);
  g_autofree char *stem = g_strndup (file_name, strlen (file_name) - strlen (".plugin"));
  g_autofree char *module = get_string (file, "Module", stem);

  self->name = get_string (file, "Name", stem);
  self->version = get_string (file, "Version", "");
  self->description = get_string (file, "Description", "");
  self->licence = get_string (file, "Licence", "");
  self->abi = get_string (file, "ABI", "");
  self->roles = g_key_file_get_string_list (file, "Plugin", "Roles", NULL, NULL);
  self->types = g_key_file_get_string_list (file, "Plugin", "Types", NULL, NULL);
  if (self->roles == NULL)
    self->roles = g_new0 (char *, 1);
  if (self->types == NULL)
    self->types = g_new0 (char *, 1);

  if (!is_read)
    self->failure = g_strdup_printf ("key file '%s': %s", path, error->message);
  else if (strchr (module, '/') != NULL)
    self->failure = g_strdup_printf ("key file '%s': Module must be a file name beside it", path);
  if (g_str_has_suffix (module, ".so"))
    self->file = g_build_filename (directory, module, NULL);
  else
    {
      g_autofree char *with_suffix = g_strconcat (module, ".so", NULL);

      self->file = g_build_filename (directory, with_suffix, NULL);
    }
  return self;
}

static gboolean
fits (const HawserPluginDescription *description, char **out_reason)
{
  if (description == NULL || description->magic != HAWSER_PLUGIN_MAGIC || description->size < sizeof (HawserPluginDescription))
    *out_reason = g_strdup ("is not a Hawser plugin");
  else if (description->abi_major != HAWSER_PLUGIN_ABI_MAJOR || description->abi_minor > HAWSER_PLUGIN_ABI_MINOR)
    *out_reason = g_strdup_printf ("was built for ABI %u.%u, this host has %u.%u", description->abi_major, description->abi_minor,
                                   HAWSER_PLUGIN_ABI_MAJOR, HAWSER_PLUGIN_ABI_MINOR);
  return *out_reason == NULL;
}

static gboolean
open_plugin (HawserPluginRegistry *registry, HawserPlugin *self, GError **error)
{
  g_autofree char *reason = NULL;
  const HawserPluginDescription *description;

  if (self->failure == NULL && self->describe == NULL)
    {
      GModule *module;
      gpointer symbol;

      if (!is_safe (self->file, &self->failure))
        goto out;
      module = g_module_open (self->file, G_MODULE_BIND_LOCAL);
      if (module == NULL)
        self->failure = g_strdup (g_module_error ());
      else if (!g_module_symbol (module, "hawser_plugin_describe", &symbol))
        self->failure = g_strdup_printf ("module '%s': has no symbol hawser_plugin_describe", self->file);
      else
        {
          g_module_make_resident (module); /* its types can never leave */
          self->describe = symbol;
        }
    }
  if (self->failure == NULL)
    {
      description = self->describe ();
      if (!fits (description, &reason))
        self->failure = g_strdup_printf ("module '%s': %s", self->file, reason);
      else if (strcmp (description->name, self->name) != 0)
        self->failure = g_strdup_printf ("module '%s': calls itself '%s'", self->file, description->name);
      else
        {
          self->is_loaded = TRUE;
          description->provide (registry);
        }
    }

out:
  if (self->failure == NULL)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "plugin '%s': %s", self->name, self->failure);
  return FALSE;
}

/* ---- The registry ---- */

static void
finalize (GObject *object)
{
  HawserPluginRegistry *self = HAWSER_PLUGIN_REGISTRY (object);

  g_object_unref (self->plugins);
  g_hash_table_unref (self->types);
  g_rec_mutex_clear (&self->lock);
  G_OBJECT_CLASS (hawser_plugin_registry_parent_class)->finalize (object);
}

static void
hawser_plugin_registry_class_init (HawserPluginRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_plugin_registry_init (HawserPluginRegistry *self)
{
  self->plugins = g_list_store_new (HAWSER_TYPE_PLUGIN);
  self->types = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_rec_mutex_init (&self->lock);
}

/**
 * hawser_plugin_registry_new:
 *
 * Returns: (transfer full): a registry without any plugin but those linked into the program
 * Since: 0.1
 */
HawserPluginRegistry *
hawser_plugin_registry_new (void)
{
  HawserPluginRegistry *self = g_object_new (HAWSER_TYPE_PLUGIN_REGISTRY, NULL);

  for (const HawserBuiltinPlugin *builtin = hawser_get_builtin_plugins (); builtin != NULL && builtin->describe != NULL; builtin++)
    {
      g_autoptr (HawserPlugin) plugin = g_object_new (HAWSER_TYPE_PLUGIN, NULL);

      plugin->name = g_strdup (builtin->name);
      plugin->version = g_strdup (HAWSER_VERSION_S);
      plugin->description = g_strdup ("");
      plugin->licence = g_strdup ("LGPL-2.1-or-later");
      plugin->file = g_strdup ("built-in");
      plugin->abi = g_strdup ("");
      plugin->roles = g_strsplit (builtin->roles, ";", -1);
      plugin->types = g_strsplit (builtin->types, ";", -1);
      plugin->describe = builtin->describe;
      g_list_store_append (self->plugins, plugin);
    }
  return self;
}

/* In a build tree each plugin is in a folder of its own below these. */
static gboolean
add_build_tree (HawserPluginRegistry *self, const char *library_dir)
{
  static const char * const parents[] = { "protocols", "sinks", "plugins" };
  g_autofree char *private_dir = g_build_filename (library_dir, "include", "hawser", NULL);

  if (!g_str_has_suffix (library_dir, "/core") || !g_file_test (private_dir, G_FILE_TEST_IS_DIR))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (parents); i++)
    {
      g_autofree char *parent = g_build_filename (library_dir, "..", parents[i], NULL);
      g_autoptr (GDir) dir = g_dir_open (parent, 0, NULL);
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *child = g_build_filename (parent, name, NULL);

          if (g_file_test (child, G_FILE_TEST_IS_DIR))
            hawser_plugin_registry_add_path (self, child);
        }
    }
  return TRUE;
}

/* Beside the library wherever it is now, so that a moved prefix keeps its plugins; then where it was to be installed. */
static void
add_installed_paths (HawserPluginRegistry *self)
{
  Dl_info info;
  g_autofree char *path = dladdr ((gpointer) hawser_plugin_registry_get_default, &info) != 0 && info.dli_fname != NULL
    ? realpath (info.dli_fname, NULL) : NULL;
  g_autofree char *library_dir = path != NULL ? g_path_get_dirname (path) : NULL;

  if (library_dir != NULL && add_build_tree (self, library_dir))
    return;
  if (library_dir != NULL)
    {
      g_autofree char *beside = g_build_filename (library_dir, "hawser-1", "plugins", NULL);

      hawser_plugin_registry_add_path (self, beside);
    }
  hawser_plugin_registry_add_path (self, HAWSER_PLUGINSDIR);
}

/**
 * hawser_plugin_registry_get_default:
 *
 * The registry of this process, with the directories of `HAWSER_PLUGIN_PATH` (first) and the installed plugins; a library
 * that runs from its build tree has the plugins of that tree instead.
 *
 * Context: any thread.
 *
 * Returns: (transfer none): the registry
 * Since: 0.1
 */
HawserPluginRegistry *
hawser_plugin_registry_get_default (void)
{
  static gsize registry;

  if (g_once_init_enter (&registry))
    {
      HawserPluginRegistry *self = hawser_plugin_registry_new ();
      const char *variable = g_getenv ("HAWSER_PLUGIN_PATH");
      g_auto (GStrv) directories = g_strsplit (variable != NULL ? variable : "", ":", -1);

      for (guint i = 0; directories[i] != NULL; i++)
        if (*directories[i] != '\0')
          hawser_plugin_registry_add_path (self, directories[i]);
      add_installed_paths (self);
      g_once_init_leave (&registry, (gsize) self);
    }
  return (HawserPluginRegistry *) registry;
}

static HawserPlugin *
find_by_name (HawserPluginRegistry *self, const char *name)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->plugins)); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (G_LIST_MODEL (self->plugins), i);

      if (strcmp (plugin->name, name) == 0)
        return plugin;
    }
  return NULL;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/**
 * hawser_plugin_registry_add_path:
 * @self: a registry
 * @directory: where to look for `NAME.plugin` files; one that does not exist is passed over
 *
 * A plugin found earlier shadows one of the same name found later.
 *
 * Since: 0.1
 */
void
hawser_plugin_registry_add_path (HawserPluginRegistry *self, const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  if (dir == NULL)
    return;
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".plugin"))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);

  g_rec_mutex_lock (&self->lock);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (HawserPlugin) plugin = read_key_file (directory, g_ptr_array_index (names, i));

      if (find_by_name (self, plugin->name) == NULL)
        g_list_store_append (self->plugins, plugin);
    }
  g_rec_mutex_unlock (&self->lock);
}

/**
 * hawser_plugin_registry_get_plugins:
 * @self: a registry
 *
 * Returns: (transfer none): #HawserPlugin of every plugin found, loaded or not
 * Since: 0.1
 */
GListModel *
hawser_plugin_registry_get_plugins (HawserPluginRegistry *self)
{
  return G_LIST_MODEL (self->plugins);
}

/**
 * hawser_plugin_registry_find:
 * @self: a registry
 * @role: `protocol`, `sink`, `store` or `identity`
 * @type_name: value of `type=`
 *
 * Returns: (transfer none) (nullable): the plugin that says it fills this, opened or not
 * Since: 0.1
 */
HawserPlugin *
hawser_plugin_registry_find (HawserPluginRegistry *self, const char *role, const char *type_name)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->plugins)); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (G_LIST_MODEL (self->plugins), i);

      if (g_strv_contains ((const char * const *) plugin->roles, role) && g_strv_contains ((const char * const *) plugin->types, type_name))
        return plugin;
    }
  return NULL;
}

void
hawser_plugin_registry_provide (HawserPluginRegistry *self, const char *role, const char *type_name, GType type)
{
  g_hash_table_replace (self->types, g_strconcat (role, "/", type_name, NULL), GSIZE_TO_POINTER (type));
  g_type_set_qdata (type, g_quark_from_static_string ("hawser-type-name"), (gpointer) g_intern_string (type_name));
}

/**
 * hawser_plugin_registry_get_gtype:
 * @self: a registry
 * @role: `protocol`, `sink`, `store` or `identity`
 * @type_name: value of `type=`
 * @error: return location
 *
 * Opens the plugin if this is its first use.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (no plugin says so; the message lists those that are there), %HAWSER_ERROR_UNAVAILABLE
 *   (it is there and cannot be used; the message says why).
 *
 * Returns: the type that fills the role, %G_TYPE_INVALID on error
 * Since: 0.1
 */
GType
hawser_plugin_registry_get_gtype (HawserPluginRegistry *self, const char *role, const char *type_name, GError **error)
{
  g_autofree char *key = g_strconcat (role, "/", type_name, NULL);
  HawserPlugin *plugin;
  GType type = G_TYPE_INVALID;

  g_rec_mutex_lock (&self->lock);
  type = (GType) g_hash_table_lookup (self->types, key);
  plugin = type == G_TYPE_INVALID ? hawser_plugin_registry_find (self, role, type_name) : NULL;
  if (type == G_TYPE_INVALID && plugin == NULL)
    {
      g_auto (GStrv) known = hawser_plugin_registry_list_types (self, role);
      g_autofree char *list = g_strjoinv (", ", known);

      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "no plugin provides %s type '%s' (there are: %s)", role, type_name, *list != '\0' ? list : "none");
    }
  else if (plugin != NULL && open_plugin (self, plugin, error))
    {
      type = (GType) g_hash_table_lookup (self->types, key);
      if (type == G_TYPE_INVALID)
        {
          plugin->failure = g_strdup_printf ("its key file promises %s '%s', its code does not provide it", role, type_name);
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE, "plugin '%s': %s", plugin->name, plugin->failure);
        }
    }
  g_rec_mutex_unlock (&self->lock);
  return type;
}

/**
 * hawser_plugin_registry_list_types:
 * @self: a registry
 * @role: `protocol`, `sink`, `store` or `identity`
 *
 * Returns: (transfer full) (array zero-terminated=1): values of `type=` that some plugin says it fills
 * Since: 0.1
 */
char **
hawser_plugin_registry_list_types (HawserPluginRegistry *self, const char *role)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->plugins)); i++)
    {
      g_autoptr (HawserPlugin) plugin = g_list_model_get_item (G_LIST_MODEL (self->plugins), i);

      for (guint k = 0; plugin->types[k] != NULL && g_strv_contains ((const char * const *) plugin->roles, role); k++)
        if (*plugin->types[k] != '\0')
          g_strv_builder_add (builder, plugin->types[k]);
    }
  return g_strv_builder_end (builder);
}
